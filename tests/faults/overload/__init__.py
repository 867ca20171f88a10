"""A server that is held busy by those who want nothing of it, and what its clients feel of that."""
