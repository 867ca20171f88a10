"""Tests of withdrawals."""
