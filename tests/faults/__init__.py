"""What goes wrong, and what must come of it: tables first, then the tests that drive them."""
