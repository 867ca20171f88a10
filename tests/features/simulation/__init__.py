"""Tests of simulation, and what other tests know of them."""
