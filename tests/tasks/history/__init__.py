"""Histories: clients and gateways that are cut, stopped and killed, and what every client must have seen all the same.

`A2A_GATEWAY_TEST_HISTORY_SEEDS=50 pytest tests/tasks/history` runs as many seeds on every store; 8 without it. A seed
that fails is run alone by `-k "seed17 and postgres"`.
"""
