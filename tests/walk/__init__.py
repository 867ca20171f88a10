"""The walk of `docs/add-a-feature.md`, done in a scratch copy of the tree."""
