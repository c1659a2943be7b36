"""What every transport must keep: tests that ask for `transport` run once for each of them."""

from typing import cast

import pytest

from gateway.southbound.transport.choice import TRANSPORTS
from tests.southbound import reaching


@pytest.fixture(params=list(TRANSPORTS))
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a transport, by which `reaching` reaches agents."""
    name = cast(str, request.param)
    monkeypatch.setattr(reaching, "TRANSPORT", name)
    return name
