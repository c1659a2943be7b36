"""The example programs, run as their readers run them."""
