"""Tests of cash, and what other tests know of them."""
