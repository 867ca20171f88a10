"""Nothing of reference accounts is due at an instant."""
