"""LoRaWAN 1.0.x and 1.1: frames, MAC commands, join, sessions and regions, sans-IO (LoRaWAN 1.0.2, 1.1)."""
