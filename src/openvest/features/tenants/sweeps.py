"""Nothing of this feature is due at an instant of business time; expired tokens and nonces go by wire time."""
