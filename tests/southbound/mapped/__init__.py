"""Services that know nothing of A2A, as workers."""
