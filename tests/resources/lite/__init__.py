"""A throwaway second contract: each file takes the place of `lite.py` in the feature of its name (`tests/kit/lite.py`).

Nothing else knows of it. What is shown with it in place, described, paged and covered by every gate, is shown for any
second face that a feature is given.
"""
