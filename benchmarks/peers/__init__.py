"""What is measured. A peer is started in front of the agents and says where each of its routes is reached.

A new one is a module with a `Peer` in it, and its name in `roster.py`.
"""
