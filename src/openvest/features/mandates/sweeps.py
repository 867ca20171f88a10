"""Nothing of mandates is due at an instant: that one has lapsed is seen where it is asked for."""
