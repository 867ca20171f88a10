"""Tests of positions, and what other tests know of them."""
