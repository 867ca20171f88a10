"""The examples of the served descriptions: a life that is lived the same every time, one answer of each operation."""
