"""Outbox, sequencer, packages and streams."""
