"""Radio sticks: receivers of wireless M-Bus on a serial line, a pipe or a child process."""
