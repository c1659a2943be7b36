"""Who is measured, in the order of the tables."""

from benchmarks.peers.control import CONTROL
from benchmarks.peers.envoy import ENVOY
from benchmarks.peers.fasta2a_runtime import FASTA2A
from benchmarks.peers.gateway import gateway
from benchmarks.peers.peer import Peer
from benchmarks.peers.sdk import EXECUTOR, HANDLER
from benchmarks.peers.worker import worker

OURS = gateway()

PEERS: tuple[Peer, ...] = (CONTROL, OURS, ENVOY, HANDLER, EXECUTOR, worker(), FASTA2A)
QUICK: tuple[Peer, ...] = tuple(peer for peer in PEERS if peer is not EXECUTOR)
"""Without the one that takes longer than all others together."""
