"""What bytes travel on towards agents: two ports, each with two implementations that keep the same contract.

`channel.py` is the port under agents over gRPC, `http.py` the one under agents over HTTP;
`choice.py` names what stands behind them. Nothing above this folder knows grpcio, h2, httpx or
httptools.
"""
