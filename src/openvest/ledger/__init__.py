"""Chart of accounts, journals, posting, lots, audit and proof."""
