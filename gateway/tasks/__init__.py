"""LIVES: tasks that the gateway itself owns.

The lifecycle is a pure state machine; a run drives a worker; every event of a task goes into its
log, which the store keeps and subscribers follow.
"""
