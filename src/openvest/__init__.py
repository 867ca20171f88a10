"""OpenVest: an open, self-hostable investment core on PostgreSQL."""
