"""A simulated LoRaWAN network and the stacks of simulated modems: real frames, real cryptography."""
