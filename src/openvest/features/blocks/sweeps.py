"""The work of blocks stands in `orders.sweeps_blocks`: who joins, and what a share makes of an order, is said there."""
