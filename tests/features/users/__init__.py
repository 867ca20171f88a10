"""Tests of users, and what other tests know of them."""
