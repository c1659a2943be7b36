"""Which webhooks are called: every way to name an inner host fails, at creation and at sending."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import CallerError, ErrorKind
from gateway.settings import PushSettings
from gateway.tasks.push import Admission, Guard, Sender
from gateway.tasks.push.addresses import METADATA, is_public, may_be_called
from gateway.tasks.push.guard import Refused, Target
from gateway.tasks.push.notification import Notification
from gateway.tasks.push.sender import Verdict
from generated.a2a.v1.a2a_pb import AuthenticationInfo, TaskPushNotificationConfig
from tests.tasks.push.webhook import NO_TLS, SECRET, Canary, Names, Webhook, sender, settings, status

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.216.34"
NAMES = {
    "inner__test": [["127.0.0.1"]],
    "six__test": [["::1"]],
    "mapped__test": [["::ffff:127.0.0.1"]],
    "nat64__test": [["64:ff9b::7f00:1"]],
    "private__test": [["10.1.2.3"]],
    "scoped__test": [["fe80::1%lo"]],
    "mixed__test": [[PUBLIC, "127.0.0.1"]],
    "mixed-first__test": [["127.0.0.1", PUBLIC]],
    "nothing__test": [[]],
    "garbage__test": [["not an address"]],
    "localtest__me": [["127.0.0.1"]],
    "127__0__0__1__nip__io": [["127.0.0.1"]],
    "metadata__google__internal": [["169.254.169.254"]],
    "xn--inner-9ta__test": [["127.0.0.1"]],
}

HOSTILE = [
    # Loopback, spelled in every way that some reader takes.
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://2130706433:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0177.0.0.01:{port}/",
    "http://017700000001:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.1:{port}/",
    "http://0X7F.0.0.1:{port}/",
    "http://127.0.0.0x1:{port}/",
    "http://127.000.000.001:{port}/",
    "http://127.0.0.1%2f@public.test:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0x0:{port}/",
    "http://4294967296:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://any.localhost:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "http://ⓛocalhost:{port}/",
    # IPv6, and IPv4 within it.
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::127.0.0.1]:{port}/",
    "http://[64:ff9b::10.0.0.1]:{port}/",
    "http://[64:ff9b:1::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2002:0a00:0001::]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fe80::1%lo]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[fd00:ec2::254]:{port}/",
    "http://[fec0::1]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://[100::1]:{port}/",
    "http://[2001:db8::1]:{port}/",
    "http://[::ffff:0:127.0.0.1]:{port}/",
    "http://[v1.127.0.0.1]:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://::1:{port}/",
    # Other networks that are not public.
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://172.31.255.255:{port}/",
    "http://192.168.1.1:{port}/",
    "http://100.64.0.1:{port}/",
    "http://100.100.100.200:{port}/",
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://[::ffff:a9fe:a9fe]/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://198.18.0.1:{port}/",
    "http://224.0.0.1:{port}/",
    "http://240.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    # Names whose addresses are not public, all or some.
    "http://inner.test:{port}/",
    "http://INNER.test.:{port}/",
    "http://six.test:{port}/",
    "http://mapped.test:{port}/",
    "http://nat64.test:{port}/",
    "http://private.test:{port}/",
    "http://scoped.test:{port}/",
    "http://mixed.test:{port}/",
    "http://mixed-first.test:{port}/",
    "http://nothing.test:{port}/",
    "http://garbage.test:{port}/",
    "http://unknown.test:{port}/",
    "http://localtest.me:{port}/",
    "http://127.0.0.1.nip.io:{port}/",
    "http://metadata.google.internal/",
    "http://xn--inner-9ta.test:{port}/",
    # Readers that disagree about where the host is.
    "http://public.test@127.0.0.1:{port}/",
    "http://public.test:80@127.0.0.1:{port}/",
    "http://user:password@public.test/",
    "http://127.0.0.1:{port}\\@public.test/",
    "http://public.test\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@public.test/",
    "http://127.0.0.1:{port}?@public.test/",
    "http:///127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://public.test:80:{port}/",
    "http://public.test:0/",
    "http://public.test:99999/",
    "http://public.test:-1/",
    "http://public.test:８０/",
    "http://public.test/\r\nX: y",
    "http://public.test/ x",
    "http://127.0.0.1:{port}/\x00",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1\t:{port}/",
    "http://public..test/",
    "http://.test/",
    "http://-a.test/",
    "http://a*.test/",
    "http://" + "a" * 64 + ".test/",
    "http://" + "a." * 127 + "test/",
    "http://public.test/" + "a" * 2048,
    # Other schemes.
    "",
    "http://",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_x",
    "unix:///var/run/docker.sock",
    "httpx://127.0.0.1:{port}/",
    "http+unix://127.0.0.1:{port}/",
    "javascript:alert(1)",
]

OPEN = PushSettings.model_validate({"allow_http": True, "timeout_s": 2.0})


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    async with Canary() as listening:
        yield listening
        assert listening.hits == 0


def test_the_table_is_long_enough() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


@pytest.mark.parametrize("url", HOSTILE, ids=lambda url: ascii(url)[:60])
async def test_hostile_urls_are_refused_when_created_and_when_sent(url: str, canary: Canary) -> None:
    url = url.replace("{port}", str(canary.port))
    guard = Guard(OPEN, Names(**NAMES))
    config = TaskPushNotificationConfig(
        url=url, token=SECRET, authentication=AuthenticationInfo(scheme="Bearer", credentials=SECRET)
    )
    with pytest.raises(CallerError) as caught:
        await Admission(OPEN, guard).admit(config)
    assert caught.value.kind is ErrorKind.INVALID_PARAMS
    assert caught.value.message.startswith("url: ")
    outcome = await Sender(OPEN, guard, NO_TLS)(Notification(url, {"authorization": SECRET}, b"{}"))
    assert outcome.verdict is not Verdict.TAKEN
    await asyncio.sleep(0)


async def test_the_canary_sings_when_it_is_called() -> None:
    async with Webhook() as webhook:
        outcome = await sender(settings())(Notification(webhook.url, {}, b"{}"))
        assert outcome.verdict is Verdict.TAKEN
        assert len(webhook.connections) == 1


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "127.1",
        "[::1]",
        "inner.test",
        "mixed.test",
        "unknown.test",
        "nothing.test",
        "[fe80::1]",
        "metadata.google.internal",
    ],
)
async def test_the_refusal_says_nothing_of_the_network(host: str) -> None:
    admission = Admission(OPEN, Guard(OPEN, Names(**NAMES)))
    with pytest.raises(CallerError) as caught:
        await admission.admit(TaskPushNotificationConfig(url=f"http://{host}/"), path="configuration.pushConfig")
    assert caught.value.message == "configuration.pushConfig.url: is at no address that this gateway calls"


async def test_a_name_that_comes_to_mean_an_inner_host_is_not_called(canary: Canary) -> None:
    """DNS rebinding: public when it was created, inner when it is sent, and the other way round."""
    names = Names(flips__test=[[PUBLIC], ["127.0.0.1"], ["127.0.0.1", PUBLIC], ["::ffff:127.0.0.1"]])
    guard = Guard(OPEN, names)
    url = f"http://flips.test:{canary.port}/"
    await Admission(OPEN, guard).admit(TaskPushNotificationConfig(url=url))
    post = Sender(OPEN, guard, NO_TLS)
    assert [(await post(Notification(url, {}, b""))).verdict for _ in range(3)] == [Verdict.NEVER] * 3


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    """The name is asked once a notification, and nobody asks again between judging and connecting."""
    async with Webhook(status(200)) as webhook, Canary() as canary:
        names = Names(once__test=[["127.0.0.1"], [PUBLIC]])
        outcome = await sender(settings(), names)(Notification(f"http://once.test:{webhook.port}/x?y=1", {}, b"{}"))
        assert outcome.verdict is Verdict.TAKEN
        assert names.asked == ["once.test"]
        assert webhook.posts[0].headers["host"] == f"once.test:{webhook.port}"
        assert webhook.posts[0].line == "POST /x?y=1 HTTP/1.1"
        assert canary.hits == 0


MAPPED = str(IPv6Address(f"::ffff:{PUBLIC}"))
"""Pythons from 3.13 on spell its last half as IPv4."""

GOOD = [
    ("https://example.com", Target("https", "example.com", 443, "/"), "example.com"),
    ("https://Example.COM./a?b#c", Target("https", "example.com", 443, "/a?b"), "example.com"),
    ("HTTPS://example.com:/", Target("https", "example.com", 443, "/"), "example.com"),
    ("https://example.com:8443/%7Euser/x", Target("https", "example.com", 8443, "/%7Euser/x"), "example.com:8443"),
    ("https://example.com?x=1", Target("https", "example.com", 443, "/?x=1"), "example.com"),
    ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/"), "xn--bcher-kva.example"),
    ("https://a_b.example/", Target("https", "a_b.example", 443, "/"), "a_b.example"),
    ("https://93.184.216.34/", Target("https", PUBLIC, 443, "/", (IPv4Address(PUBLIC),)), PUBLIC),
    (
        "https://[2606:4700::1111]:444/",
        Target("https", "2606:4700::1111", 444, "/", (IPv6Address("2606:4700::1111"),)),
        "[2606:4700::1111]:444",
    ),
    (
        "https://[::ffff:93.184.216.34]/",
        Target("https", MAPPED, 443, "/", (IPv4Address(PUBLIC),)),
        f"[{MAPPED}]",
    ),
]


@pytest.mark.parametrize(("url", "target", "authority"), GOOD, ids=[row[0] for row in GOOD])
def test_good_urls_are_taken_apart(url: str, target: Target, authority: str) -> None:
    found = Guard(PushSettings.model_validate({}), Names()).check(url)
    assert (found, found.authority) == (target, authority)


def test_http_is_a_setting() -> None:
    with pytest.raises(Refused, match=r"must begin with https://$"):
        Guard(PushSettings.model_validate({}), Names()).check("http://example.com/")
    assert Guard(OPEN, Names()).check("http://example.com/").port == 80


ALLOWED = [
    ("127.0.0.1", "127.0.0.0/8", True),
    ("::ffff:127.0.0.1", "127.0.0.0/8", True),
    ("::1", "127.0.0.0/8", False),
    ("0.0.0.0", "127.0.0.0/8", False),
    ("10.2.3.4", "10.2.0.0/16", True),
    ("10.3.3.4", "10.2.0.0/16", False),
    ("fd12::1", "fd00::/8", True),
    ("fd00:ec2::254", "fd00::/8", False),
    ("169.254.169.254", "169.254.0.0/16", False),
    ("169.254.169.254", "0.0.0.0/0", False),
    ("169.254.169.254", "169.254.169.254/32", True),
    ("168.63.129.16", "0.0.0.0/0", False),
    ("8.8.8.8", "10.0.0.0/8", True),
    ("64:ff9b::8.8.8.8", "10.0.0.0/8", True),
    ("64:ff9b::a01:101", "10.0.0.0/8", True),
]


@pytest.mark.parametrize(("address", "network", "called"), ALLOWED)
def test_allowed_networks(address: str, network: str, called: bool) -> None:
    given_settings = PushSettings.model_validate({"allow_networks": [network]})
    assert may_be_called(ip_address(address), given_settings.allow_networks) is called


@given(number=st.integers(0, 2**32 - 1))
def test_an_address_is_judged_alike_in_all_its_spellings(number: int) -> None:
    plain = IPv4Address(number)
    guard = Guard(OPEN, Names())
    for carrier in (0xFFFF << 32, 0x64FF9B << 96):
        assert is_public(IPv6Address(carrier | number)) is is_public(plain)
    for host in (f"{plain}", f"{plain}.", f"[::ffff:{plain}]", f"[64:ff9b::{plain}]"):
        if is_public(plain) and plain not in METADATA:
            assert guard.check(f"http://{host}/").addresses
        else:
            with pytest.raises(Refused):
                guard.check(f"http://{host}/")
    for odd in (f"{number}", f"{number:#x}", f"0{number:o}"):
        with pytest.raises(Refused):
            guard.check(f"http://{odd}/")


@given(number=st.integers(0, 2**32 - 1))
def test_what_python_knows_as_private_is_not_public(number: int) -> None:
    address = IPv4Address(number)
    if address.is_private or address.is_multicast or address.is_reserved or address.is_link_local:
        # Python has it that two addresses of 192.0.0.0/24 are global; the whole of it is refused here.
        assert not is_public(address)
    elif is_public(address):
        assert address.is_global


@given(url=st.text() | st.from_regex(r"https?://[a-z0-9.:@\[\]%\\/?#-]{0,40}", fullmatch=True))
def test_any_text_is_a_target_or_refused(url: str) -> None:
    try:
        target = Guard(OPEN, Names()).check(url)
    except Refused:
        return
    assert 0 < target.port < 65536
    assert target.path.startswith("/")
    assert target.host.isascii()
    assert not set(target.host) & set("@/?%")
    assert not set(target.host + target.path) & set("\\ \r\n\t#")


@pytest.mark.parametrize(
    ("field", "config"),
    [
        ("token", TaskPushNotificationConfig(url=f"https://{PUBLIC}/", token=f"{SECRET}\r\nX: y")),
        ("token", TaskPushNotificationConfig(url=f"https://{PUBLIC}/", token=f"{SECRET}é")),
        ("token", TaskPushNotificationConfig(url=f"https://{PUBLIC}/", token=SECRET + "a" * 9000)),
        (
            "authentication.scheme",
            TaskPushNotificationConfig(
                url=f"https://{PUBLIC}/", authentication=AuthenticationInfo(scheme=f"B {SECRET}", credentials="x")
            ),
        ),
        (
            "authentication.credentials",
            TaskPushNotificationConfig(
                url=f"https://{PUBLIC}/", authentication=AuthenticationInfo(scheme="B", credentials=f"{SECRET}\n")
            ),
        ),
    ],
)
async def test_secrets_that_no_header_can_carry_are_refused_unsaid(
    field: str, config: TaskPushNotificationConfig
) -> None:
    with pytest.raises(CallerError) as caught:
        await Admission(OPEN, Guard(OPEN, Names())).admit(config)
    assert caught.value.message.startswith(f"{field}: ")
    assert SECRET not in str(caught.value)
    assert not any(SECRET.encode() in detail.value for detail in caught.value.details)


async def test_a_task_has_so_many_webhooks() -> None:
    admission = Admission(OPEN, Guard(OPEN, Names()))
    config = TaskPushNotificationConfig(url=f"https://{PUBLIC}/")
    await admission.admit(config, others=OPEN.per_task - 1)
    with pytest.raises(CallerError) as caught:
        await admission.admit(config, others=OPEN.per_task)
    assert caught.value.kind is ErrorKind.RESOURCE_EXHAUSTED


async def test_a_name_server_that_never_answers_is_not_waited_for() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    impatient = PushSettings.model_validate({"connect_s": 0.02})
    with pytest.raises(Refused, match="is at no address that this gateway calls"):
        await Guard(impatient, never).target("https://slow.test/")


def test_networks_of_settings_are_networks() -> None:
    assert settings().allow_networks == (IPv4Network("127.0.0.0/8"),)
