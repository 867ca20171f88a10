"""One loop: sweeps, sequencer, deliveries."""
