"""What radio receivers say on their serial lines, and how they are spoken to."""
