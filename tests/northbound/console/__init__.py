"""The console: its guard, its feed, its modules under Node, and the page itself in Chromium."""
