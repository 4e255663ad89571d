"""The click command tree, one file a command."""
