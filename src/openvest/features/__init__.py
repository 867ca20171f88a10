"""The business, one folder each, in one order from bottom to top."""
