"""The gateway between A2A agents and their callers; see docs/ and the README."""

__version__ = "0.1.0"
