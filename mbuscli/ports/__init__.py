"""Byte pipes: serial, TCP, replay files, the simulator."""
