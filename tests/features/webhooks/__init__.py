"""Tests of webhooks, and what other tests know of them."""
