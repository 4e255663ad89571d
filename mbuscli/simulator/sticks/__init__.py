"""Simulated radio sticks, and the meters that they hear."""
