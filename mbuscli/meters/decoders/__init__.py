"""Decoders of payloads that are no lists of records, a module for each maker.

`decode(telegram)` yields readings: name and value are enough, words and order come from the driver. A reading
with the offset of a record replaces it. A decoder that has read octets which are no records calls
`Telegram.understood`. What a maker's sheet does not tell stays in hexadecimal; what cannot be right gives no
numbers.
"""
