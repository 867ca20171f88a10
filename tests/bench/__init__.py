"""Benchmarks: ratios inside one run, two sides interleaved, on a durable PostgreSQL of their own.

`make bench` prints the rows of the performance targets whose features exist. Nothing here runs inside the test suite.
"""
