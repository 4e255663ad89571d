"""Simulated LoRaWAN modems: the dialect of each, on a real stack in a simulated network."""
