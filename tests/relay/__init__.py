"""What keeps the agents: the stream contract, who is called, what runs and what is told of it."""
