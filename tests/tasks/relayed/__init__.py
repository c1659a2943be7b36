"""Tests of agents that are relayed and can be resumed, over loopback with real parts."""
