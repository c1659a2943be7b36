"""Where agents post what they tell of relayed tasks, and what proves that the gateway told them to."""

from collections.abc import Callable, Iterable
from copy import copy

from gateway.tasks.push import incoming
from generated.a2a.v1.a2a_pb import AuthenticationInfo, TaskPushNotificationConfig

PATH = "/push/"
_SCHEME = "Bearer"


class Place:
    """The gateway's own webhooks: one for each subscription, which nobody can guess."""

    def __init__(self, secret: Callable[[], bytes]) -> None:
        """`secret` gives the store's, once that is open."""
        self._secret = secret
        self.base_url = ""
        """Where agents reach the gateway, without a slash at its end; known once it listens."""

    def replacing(self, config: TaskPushNotificationConfig, subscription: str) -> TaskPushNotificationConfig:
        """What an agent is given for a caller's configuration, of which only ids are left.

        Its token goes in both of the ways that there are, since each agent knows another.
        """
        token = incoming.notification_token(self._secret(), subscription)
        given = copy(config)
        given.url = f"{self.base_url}{PATH}{incoming.path_token(self._secret(), subscription)}"
        given.token = token
        given.authentication = AuthenticationInfo(scheme=_SCHEME, credentials=token)
        return given

    def leads_to(self, url: str) -> str | None:
        """The subscription that one of these webhooks is for, wherever the gateway was when it was given."""
        return incoming.subject_of(self._secret(), url.rpartition(PATH)[2])

    def opened_by(self, path_token: str, proofs: Iterable[str]) -> str | None:
        """The subscription that is posted to; None unless one of `proofs` is its token."""
        subscription = incoming.subject_of(self._secret(), path_token)
        # Asked for nobody too, so that both ways out take as long.
        is_proven = incoming.is_proven(self._secret(), subscription or "", proofs)
        return subscription if is_proven else None
