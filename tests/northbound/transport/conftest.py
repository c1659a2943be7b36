"""Tests that ask for `kind` run once for each server."""

from typing import cast

import pytest

from gateway.northbound.transport.choice import SERVERS


@pytest.fixture(params=list(SERVERS))
def kind(request: pytest.FixtureRequest) -> str:
    """The name of a server, as the setting has it."""
    return cast(str, request.param)
