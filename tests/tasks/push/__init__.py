"""Push notifications: what may be called, what is posted, in which order, and what comes of failures."""
