"""Nothing of cash is due at an instant: balances follow the ledger, transactions are written with their cause."""
