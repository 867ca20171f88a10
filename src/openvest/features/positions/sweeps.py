"""Nothing of positions is due at an instant: they follow the ledger, transactions are written with their cause."""
