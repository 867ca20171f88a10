"""Each feature in a folder of its name: its own tests, and its `SAMPLE`, which the tests of everything read."""
