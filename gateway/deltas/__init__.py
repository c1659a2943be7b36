"""Tokens as deltas: JSON Patch with `str_ins` and the drafts that it grows. PURE.

`docs/delta-streaming.md` is the specification. `draft` makes patches of what a worker yields,
`document` applies them, `client` makes one typed sequence of any stream; `expand` and `compress`
stand between an agent and a caller of which only one speaks the extension.
"""
