"""The callers of what is measured: one process that writes down every byte with the time at which it came.

While it measures it only copies and counts; `transcript.py` and `verdict.py` read it all afterwards.
"""
