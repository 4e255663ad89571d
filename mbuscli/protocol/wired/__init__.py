"""EN 13757-2: the wired link layer."""
