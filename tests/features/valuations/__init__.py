"""Tests of valuations."""
