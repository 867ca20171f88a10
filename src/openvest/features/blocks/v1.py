"""A block is the house's: v1 shows the orders in it."""
