"""Tests of accounts, and what other tests know of them."""
