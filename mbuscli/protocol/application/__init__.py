"""EN 13757-3: the application layer."""
