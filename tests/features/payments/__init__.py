"""Tests of payments, and what other tests know of them."""
