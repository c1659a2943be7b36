"""RECORDS: tasks of agents that speak A2A themselves and are configured with `resume: true`.

Such an agent owns its tasks and answers for them. What lives here reads each of its streams once,
whoever and however many listen, and keeps the events in the log of the task.
"""

from gateway.tasks.relayed.agent import RelayedAgent

__all__ = ["RelayedAgent"]
