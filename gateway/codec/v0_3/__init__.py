"""A2A 0.3 to the 1.0 messages of the gateway and back: the JSON-RPC dialect, gRPC and HTTP+JSON.

`table.CONVERSIONS` says what becomes of each field and what a version has no room for. As in all of
`codec/`, a reader accepts its input or raises `Malformed`. Writing raises it too, for the few things
that 0.3 cannot say at all: an id with a slash in a resource name, a card without a 0.3 address, an
answer or event that holds nothing.
"""
