"""What load and agents share: the plan inside a request, the content of events, the bytes of both wires.

Written by hand and apart from `gateway/`, so that no codec is judged or slowed by itself.
"""
