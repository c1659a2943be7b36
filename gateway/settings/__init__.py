"""Every knob and limit of the gateway: name, unit, default and reason.

`docs/settings.md` is generated from here. Precedence: command line, environment (`A2A_GATEWAY_…`,
nested with `__`), configuration file, default.
"""

from gateway.settings.agents import RESERVED_PATHS, AgentSettings, OldPeers, Tls
from gateway.settings.limits import Limits
from gateway.settings.load import agent_flag, load
from gateway.settings.push import PushSettings
from gateway.settings.root import Settings
from gateway.settings.signing import Signing
from gateway.settings.skills import ArtifactMapping, DescriptorSource, ResponseMapping, SkillSettings
from gateway.settings.tasks import TaskSettings
from gateway.settings.values import ConfigurationError, is_loopback

__all__ = [
    "RESERVED_PATHS",
    "AgentSettings",
    "ArtifactMapping",
    "ConfigurationError",
    "DescriptorSource",
    "Limits",
    "OldPeers",
    "PushSettings",
    "ResponseMapping",
    "Settings",
    "Signing",
    "SkillSettings",
    "TaskSettings",
    "Tls",
    "agent_flag",
    "is_loopback",
    "load",
]
