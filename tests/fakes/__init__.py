"""The rig: scripted agents, a hostile wire and raw callers, all on loopback and ephemeral ports.

A fake has the real interface and does what its script says; it asserts nothing and knows nothing
of the gateway. Tests read what the fakes recorded.
"""
