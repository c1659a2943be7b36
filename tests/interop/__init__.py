"""Peers on the PyPI a2a-sdk, each a program of its own, and what they answer to one another without a gateway.

The programs never import `gateway` or `generated`: the SDK's protobuf modules cannot share a process with ours.
"""
