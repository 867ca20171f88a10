"""Tests of tenants, and what other tests know of them."""
