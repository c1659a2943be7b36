"""Which IP addresses are on the public internet, by the special-purpose registries of IANA. Pure.

Python's own `is_global` changes from release to release; a table of ours does not.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host; a connect to 0.0.0.0 reaches loopback
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by carriers (CGNAT)
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, metadata services
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)

_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which hides an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)

_CARRIERS = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
"""IPv6 addresses that are an IPv4 address in other words: mapped ones, and those of NAT64."""

METADATA = frozenset[Address](
    (
        IPv4Address("169.254.169.254"),  # AWS, Azure, Google, OpenStack
        IPv4Address("169.254.170.2"),  # AWS, credentials of containers
        IPv4Address("169.254.170.23"),  # AWS, credentials of pods
        IPv4Address("100.100.100.200"),  # Alibaba
        IPv4Address("168.63.129.16"),  # Azure's wire server, in public space
        IPv4Address("192.0.0.192"),  # Oracle
        IPv6Address("fd00:ec2::254"),  # AWS
        IPv6Address("fd00:ec2::23"),  # AWS, credentials of pods
        IPv6Address("fd20:ce::254"),  # Google
    )
)
"""Where clouds hand secrets to whoever asks from inside."""


def carried(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for; else the address itself."""
    if isinstance(address, IPv6Address) and any(address in network for network in _CARRIERS):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether anyone on the internet could reach the same host at this address."""
    match carried(address):
        case IPv4Address() as plain:
            return not any(plain in network for network in _SPECIAL_V4)
        case plain:
            return plain in _GLOBAL_UNICAST_V6 and not any(plain in network for network in _SPECIAL_V6)


def may_be_called(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether webhooks may be at this address: a public one, or one of a network that is allowed.

    A metadata service must be allowed by its very address: whoever allows a private network around
    it hardly means it.
    """
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    plain = carried(address)
    if plain in METADATA:
        return any(network.num_addresses == 1 and plain in network for network in allowed)
    return is_public(plain) or any(plain in network or address in network for network in allowed)
