"""Simulated meters on a bus with physics."""
