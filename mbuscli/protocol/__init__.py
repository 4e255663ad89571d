"""The standards, sans-IO: bytes in, objects out, time passed in."""
