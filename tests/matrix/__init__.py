"""Every inbound binding before every outbound one: the same call with the gateway and without it.

The axes are the values of `edges.EDGES`. A further binding, or a further version of one, is a further row there; no
test names a binding, except where one has something of its own.
"""
