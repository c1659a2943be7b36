"""The harness that the published figures come from: `make bench`, or `python -m benchmarks`.

`scenarios.py` says what is measured, `peers/` on whom, `targets.py` against what. `load/` and
`agents/` are processes of their own on either side of what is measured; `runner.py` interleaves.
"""
