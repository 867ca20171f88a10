"""Tests of virtual bank accounts and credit fundings."""
