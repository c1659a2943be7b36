"""What goes over each wire, as files that a person can read; and the tests that drive them both ways."""
