"""EN 13757-4: wireless M-Bus, from the channel code to the extended link layer."""
