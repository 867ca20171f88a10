"""Segregation is the house's own bookkeeping: v1 does not show it, and no event tells of it."""
