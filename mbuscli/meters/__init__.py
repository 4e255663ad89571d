"""Meter drivers: from records to readings, in the words that dashboards use.

A driver is a TOML file in `drivers/`, one a family of meters; payloads that are no lists of records have a
decoder in `decoders/`. What no driver knows becomes a reading with a systematic name: nothing is hidden.
"""
