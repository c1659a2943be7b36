"""ACCEPTS: where callers reach the gateway. Each module turns one wire format into a question to an Agent.

Nothing here knows how an agent is reached.
"""
