"""The gates: campaigns with a figure each, and planted bugs that must turn them red.

`python -m tests.gates` runs them and writes `reliability-report.json` and a page of it;
`python -m tests.gates.controls` plants the bugs of `tests/controls`, one at a time, in a scratch copy.

A gate is added in two places: the gate itself in a module here, and at least one planted bug in the module of the same
name in `tests/controls`; `catalog` lists both by that name. A test holds the two to each other.

Source: RELIABILITY.md, whose gate numbers are used here.
"""
