"""Tests of orders, and what other tests know of them."""
