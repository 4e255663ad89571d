"""The use cases: scan, read, decode input. They yield events and know no terminal."""
