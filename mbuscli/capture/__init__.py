"""Recorded traffic: the line formats that receivers and other programs write."""
