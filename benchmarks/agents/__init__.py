"""The agents behind what is measured: one process, a gRPC and a JSON-RPC agent, cheaper than whatever they feed.

They do what the plan in a request says. Events are precomputed bytes; windows and full sockets are
respected, so that what is measured sets the pace.
"""
