"""Programs to copy from: two A2A agents and two gRPC clients; README.md says how to run each."""
