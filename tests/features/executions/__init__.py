"""Tests of executions, and what other tests know of them."""
