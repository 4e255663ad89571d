"""EN 13757-7: the transport layer."""
