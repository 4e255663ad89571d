"""The user's files: where they are, keys, and what was learnt in earlier runs."""
