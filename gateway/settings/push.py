"""Push notifications that the gateway delivers: which webhooks are called, how often, how patiently."""

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from pydantic import Field

from gateway.settings.agents import Tls
from gateway.settings.values import Bytes, Count, Frozen, Seconds


class PushSettings(Frozen):
    """Push notifications of tasks that the gateway owns, and of agents with `push: relay`."""

    events: Literal["all", "states"] = Field(
        "all",
        description="`all`: every update, as streams have them, and artifacts piece by piece. `states`: "
        "only changes of state; who wants the artifacts asks for the task.",
    )
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Networks that webhooks may be in though they are not public. A cloud's metadata service is "
        "called only where its one address is listed.",
    )
    allow_http: bool = Field(
        False, description="Whether `http://` webhooks are called: their tokens and contents can be read on the way."
    )
    tls: Tls = Field(default_factory=lambda: Tls.model_validate({}), description="For `https://` webhooks.")
    timeout_s: Seconds = Field(10.0, description="For one notification to be taken, from looking the host up on.")
    connect_s: Seconds = Field(5.0, description="To look a host up, and to reach each of its addresses.")
    tries: Count = Field(3, description="How often one notification is tried before it is given up.")
    retry_s: Seconds = Field(1.0, description="Before the second try; doubled for each further one, less up to half.")
    retry_max_s: Seconds = Field(30.0, description="The longest wait before a try, whatever a `Retry-After` asks for.")
    pace_s: Seconds = Field(
        1.0, description="Pieces of artifacts that come faster than this go out joined; changes of state never wait."
    )
    connections: Count = Field(64, description="Notifications on their way at once.")
    connections_per_host: Count = Field(8, description="Of these to one host, so that a dead one holds up no other.")
    per_task: Count = Field(16, description="Webhooks of one task.")
    webhooks: Count = Field(10_000, description="Webhooks that something waits for at once; others get nothing.")
    waiting_events: Count = Field(
        64, description="Updates that wait for one webhook; more are replaced by the whole task as it stands."
    )
    waiting_bytes: Bytes = Field(64 * 1024 * 1024, description="All waiting updates; past it the same is done.")
    url_chars: Count = Field(2048, description="Characters of a webhook's URL.")
    relayed_waiting: Count = Field(
        1000, description="Notifications of an agent with `push: relay` that wait for one webhook; more are refused."
    )
    relayed_kept_s: Seconds = Field(
        30 * 24 * 3600.0,
        description="Such a webhook is forgotten this long after the agent's last notification, if the task has no "
        "end; else `tasks.kept_s` after that.",
    )
