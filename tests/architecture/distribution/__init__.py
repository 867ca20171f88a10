"""Would a cluster distributed by tenant take every statement and the whole schema? Held without such a cluster.

The rules are what Citus refuses, or answers by asking every node. They look at parse trees (pglast) beside the catalog
of the migrated database; what is planned or refused for other reasons is tried on a real cluster with every release.
`python -m tests.architecture.distribution` prints how many statements there are of each
kind, and what was found.
"""
