"""Webhooks over a real receiver."""
