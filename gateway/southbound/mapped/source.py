"""Where the definitions of a mapped service are read from, as configured."""

import asyncio

import grpc.aio

from gateway.settings import AgentSettings, ConfigurationError, Limits
from gateway.southbound.mapped.descriptors import DescriptorError, Descriptors, from_set
from gateway.southbound.mapped.protos import compiled
from gateway.southbound.mapped.reflection import Headers, reflect


async def read_descriptors(
    settings: AgentSettings, channel: grpc.aio.Channel, headers: Headers, limits: Limits
) -> Descriptors:
    """The definitions of a service. Raises AgentError, and ConfigurationError for files that cannot be used."""
    source = settings.descriptors
    if source.set is None and not source.protos:
        return await reflect(channel, headers, limits)
    place = f"descriptors.set: {source.set}" if source.set is not None else "descriptors.protos"
    try:
        if source.set is not None:
            data = await asyncio.to_thread(source.set.read_bytes)
        else:
            data = await compiled(source.protos, source.includes)
        return from_set(data, limits.descriptor_files)
    except DescriptorError as error:
        raise ConfigurationError(f"{place}: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{place}: {error.strerror}") from None
