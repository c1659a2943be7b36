"""A gRPC service that knows nothing of A2A, as a `Worker`: its methods are skills, by a mapping.

Pure: descriptors, inference, mapping, checks, card. What connects: reflection, rpc, service. Nothing
here keeps tasks or makes events; `gateway/worker.py` says what is yielded instead.
"""
