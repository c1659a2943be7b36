"""Whether a push notification configuration is taken at all; asked before it is stored."""

from gateway.codec.malformed import Malformed
from gateway.codec.status import field_violation
from gateway.errors import CallerError, ErrorKind
from gateway.settings import PushSettings
from gateway.tasks.push.guard import Guard, Refused
from gateway.tasks.push.notification import check_secrets
from generated.a2a.v1.a2a_pb import TaskPushNotificationConfig


class Admission:
    """Looks at configurations when they are created (specification section 13.2)."""

    def __init__(self, settings: PushSettings, guard: Guard) -> None:
        self._settings = settings
        self._guard = guard

    async def admit(self, config: TaskPushNotificationConfig, others: int = 0, path: str = "") -> None:
        """Lets a configuration pass. Raises CallerError, which names the field and no address.

        `others`: how many the task has beside it. `path`: where in the request the configuration
        stands; empty where it is the request.
        """
        if others >= self._settings.per_task:
            raise CallerError(
                ErrorKind.RESOURCE_EXHAUSTED, f"A task has at most {self._settings.per_task} webhooks; delete one first"
            )
        try:
            check_secrets(config)
            await self._guard.target(config.url)
        except Malformed as error:
            raise _invalid(path, error.path, error.problem) from None
        except Refused as error:
            raise _invalid(path, "url", str(error)) from None


def _invalid(path: str, field: str, problem: str) -> CallerError:
    where = f"{path}.{field}" if path else field
    return CallerError(ErrorKind.INVALID_PARAMS, f"{where}: {problem}", (field_violation(where, problem),))
