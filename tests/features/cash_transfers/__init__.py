"""Tests of cash balance transfers."""
