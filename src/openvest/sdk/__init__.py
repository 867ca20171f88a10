"""The Python client of the API; imports nothing else of ours."""
