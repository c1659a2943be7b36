"""What bytes callers over gRPC travel on: one port, and two implementations that keep the same contract.

`server.py` is the port; `choice.py` names what stands behind it. Nothing above this folder knows
grpcio or h2.
"""
