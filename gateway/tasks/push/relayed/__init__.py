"""Push notifications of relayed agents with `push: relay`.

The agent is given a webhook of the gateway's own (`Place`) in place of its caller's (`PushRelayed`);
what it posts there is kept (`Receiver`) and delivered in the caller's version (`Forwarding`).
"""

from gateway.tasks.push.relayed.agent import PushRelayed
from gateway.tasks.push.relayed.forwarding import Forwarding
from gateway.tasks.push.relayed.place import Place
from gateway.tasks.push.relayed.receiver import Receiver
from gateway.tasks.push.relayed.substitution import Substitution

__all__ = ["Forwarding", "Place", "PushRelayed", "Receiver", "Substitution"]
