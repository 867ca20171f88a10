"""A primary is lost under load, in five ways, and what of the acknowledged is still there: `python -m tests.ha`.

Everything is real: PostgreSQL with streaming replication, Patroni with etcd, the program's own processes. It runs on
the loopback of this machine, in a temporary directory, and leaves nothing behind.
"""
