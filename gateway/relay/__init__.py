"""WRAPS: Agents around an Agent, and what keeps them: who is called, what runs, what a stream may do.

Nothing here knows a binding.
"""
