"""The street is the house's own business: v1 does not show it, and no event tells of it."""
