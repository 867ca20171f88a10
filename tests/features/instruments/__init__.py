"""Tests of instruments, and what other tests know of them."""
