"""Planted faults: start scripts that weaken what `src/` has no switch to weaken, so that a gate can be seen to fail."""
