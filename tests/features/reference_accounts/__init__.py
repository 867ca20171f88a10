"""Tests of reference accounts."""
