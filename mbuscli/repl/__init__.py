"""The interactive shell: its session, its own words, its jobs, and the prompt."""
