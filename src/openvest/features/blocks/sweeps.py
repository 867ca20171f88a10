"""Who may still join a block and what a share makes of an order are the order's: `orders.sweeps_blocks` does the work."""
