"""The runner: which sweeps are due for a tenant, the next due instant, run until quiet."""
