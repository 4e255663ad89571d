"""LoRaWAN modems: sticks that join a network and send for us."""
