"""One module a schema. Once released it never changes, so it knows nothing of `tables.py`."""
