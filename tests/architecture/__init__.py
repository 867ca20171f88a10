"""The plan of the tree, kept true by tests."""
