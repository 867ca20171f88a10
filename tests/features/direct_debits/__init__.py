"""Tests of direct debits."""
