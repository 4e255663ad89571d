"""Level converters: transparent byte pipes onto a wired bus."""
