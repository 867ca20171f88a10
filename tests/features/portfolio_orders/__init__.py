"""Tests of portfolio orders."""
