"""CONNECTS: where the gateway reaches agents. Each module is an `Agent` over one binding.

Nothing here knows who asked, or by which binding.
"""
