"""The token-delta extension."""
