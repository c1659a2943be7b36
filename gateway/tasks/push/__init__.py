"""Push notifications of tasks that the gateway owns (specification sections 3.5.3, 4.3 and 13.2).

`Admission` looks at a configuration before it is stored; `Delivery` tells its webhook of what
happens to the task; `Guard` decides for both what may be called. `incoming` is the other end.
"""

from gateway.tasks.push.admission import Admission
from gateway.tasks.push.delivery import Delivery
from gateway.tasks.push.guard import Guard
from gateway.tasks.push.resolver import SystemResolver
from gateway.tasks.push.sender import Sender
from gateway.tasks.push.telemetry import PushTelemetry

__all__ = ["Admission", "Delivery", "Guard", "PushTelemetry", "Sender", "SystemResolver"]
