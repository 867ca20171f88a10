"""Attacks that must not work."""
