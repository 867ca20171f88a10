"""Tests of street, and what other tests know of them."""
