"""HTTP/2 as both sides of the gateway need it: what is the same whether it calls or is called.

`h2` keeps the protocol; DATA, credit and what a peer may cost are kept here, around it. The pure
part, frames and messages, is in `codec/`.
"""
