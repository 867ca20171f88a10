"""Kills at random under load, and what of the acknowledged is still there afterwards: `python -m tests.faults.crash`.

The driver is a process of its own and keeps a journal on disk: every request before it is sent, every acknowledgement
before it is counted. The checker reads that journal and the database, nothing else.
"""
