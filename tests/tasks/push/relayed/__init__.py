"""Push notifications of relayed agents."""
