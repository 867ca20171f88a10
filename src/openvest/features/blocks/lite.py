"""A block is the house's: lite shows the orders in it."""
