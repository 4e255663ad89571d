"""Keys, key derivation, encryption and authentication of telegrams (EN 13757-7, EN 13757-4)."""
