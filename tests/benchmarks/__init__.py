"""The harness: that it counts and checks what it says, and that every scenario runs."""
