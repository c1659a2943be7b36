"""What developers of the gateway run; nothing here is shipped."""
