"""Segregation is the house's own bookkeeping: lite does not show it, and no event tells of it."""
