"""Signatures of cards: the canonical text, our own signatures, others' signatures, and where the a2a-sdk's text differs."""

import base64
import hashlib
import hmac
import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from gateway.codec import protojson
from gateway.codec.malformed import Bounds
from gateway.codec.signature import MOST_SIGNATURES, SigningKey, Verdict, canonical, public_keys, sign, verify
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal
from tests.fakes.events import Json, JsonValue, agent_card
from tests.fakes.keys import ALGORITHMS, jwks, pem, private, signing_key

BOUNDS = Bounds()
CARD: dict[str, Any] = agent_card(
    "https://agent.example.com/",
    provider={"organization": "Grüße & Söhne", "url": "https://example.com"},
    capabilities={
        "streaming": True,
        "pushNotifications": False,
        "extensions": [{"uri": "https://example.com/e", "params": {"ratio": 0.5, "whole": 7, "€": "😀"}}],
    },
    securitySchemes={"token": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}},
)
"""A card on whose canonical text the gateway and the a2a-sdk agree."""


def card_of(members: Json) -> a2a.AgentCard:
    return protojson.decode(a2a.AgentCard, json.dumps(members).encode(), BOUNDS)


def with_params(params: Json) -> a2a.AgentCard:
    return card_of({"capabilities": {"extensions": [{"uri": "u", "params": params}]}})


def params_in(card: a2a.AgentCard) -> str:
    """The canonical text of what `with_params` put in."""
    text = canonical(card).decode()
    return text.split('"params":', 1)[1].split(',"uri":"u"', 1)[0]


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# The canonical text: RFC 8785

NUMBERS = [
    ("zero", "0000000000000000", "0"),
    ("minus zero", "8000000000000000", "0"),
    ("the least above zero", "0000000000000001", "5e-324"),
    ("the greatest below zero", "8000000000000001", "-5e-324"),
    ("the greatest", "7fefffffffffffff", "1.7976931348623157e+308"),
    ("the least", "ffefffffffffffff", "-1.7976931348623157e+308"),
    ("a whole one", "3ff0000000000000", "1"),
    ("the last that counts exactly", "433fffffffffffff", "9007199254740991"),
    ("two to the 53rd", "4340000000000000", "9007199254740992"),
    ("its negative", "c340000000000000", "-9007199254740992"),
    ("two to the 68th", "4430000000000000", "295147905179352830000"),
    ("below ten to the 21st", "444b1ae4d6e2ef4f", "999999999999999900000"),
    ("ten to the 21st", "444b1ae4d6e2ef50", "1e+21"),
    ("below ten to the 23rd", "44b52d02c7e14af5", "9.999999999999997e+22"),
    ("ten to the 23rd", "44b52d02c7e14af6", "1e+23"),
    ("above ten to the 23rd", "44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("below a millionth", "3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("a millionth", "3eb0c6f7a0b5ed8d", "0.000001"),
    ("a small negative", "becbf647612f3696", "-0.0000033333333333333333"),
    ("a third of a billion", "41b3de4355555555", "333333333.3333333"),
    ("its neighbour", "41b3de4355555554", "333333333.33333325"),
    ("halfway", "43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), named(NUMBERS))
def test_numbers_are_written_as_ecmascript_does(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert params_in(with_params({"n": number})) == f'{{"n":{text}}}'


TEXTS = [
    ("other scripts", "€ñ水😀", '"€ñ水😀"'),
    ("quote and backslash", '"\\', '"\\"\\\\"'),
    ("a slash", "a/b", '"a/b"'),
    ("controls with a short form", "\b\t\n\f\r", '"\\b\\t\\n\\f\\r"'),
    ("other controls", "\x00\x0f\x1f", '"\\u0000\\u000f\\u001f"'),
    ("what JSON leaves alone", "\x7f\x80\u2028\u2029\ufeff<>&", '"\x7f\x80\u2028\u2029\ufeff<>&"'),
    ("a letter and its accent, not composed", "e\u0301", '"e\u0301"'),
]


@pytest.mark.parametrize(("value", "text"), named(TEXTS))
def test_texts_are_escaped_as_little_as_possible(value: str, text: str) -> None:
    assert params_in(with_params({"t": value})) == f'{{"t":{text}}}'
    assert canonical(card_of({"name": value})).decode().count(f'"name":{text}') == 1


def test_members_are_sorted_by_utf_16() -> None:
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6", "", "10", "2", "A", "a"]
    members: Json = {name: index for index, name in enumerate(names)}
    expected = ["", "\r", "1", "10", "2", "A", "a", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(json.loads(params_in(with_params(members)))) == expected


def test_what_is_free_form_stays_as_it_is() -> None:
    params: Json = {"d": None, "c": {}, "b": [], "a": "", "e": [3, 1, {"z": False, "y": True}]}
    assert params_in(with_params(params)) == '{"a":"","b":[],"c":{},"d":null,"e":[3,1,{"y":true,"z":false}]}'


# The canonical text: what is present (section 8.4.1)

LEAST: Json = {
    "name": "",
    "description": "",
    "version": "",
    "supportedInterfaces": [],
    "defaultInputModes": [],
    "defaultOutputModes": [],
    "skills": [],
}
PRESENT: list[tuple[str, Json, Json]] = [
    ("required members, even empty", {}, {}),
    (
        "required members of what is inside",
        {"skills": [{}], "provider": {}},
        {
            "skills": [{"id": "", "name": "", "description": "", "tags": []}],
            "provider": {"url": "", "organization": ""},
        },
    ),
    (
        "optional members that are set, even to their defaults",
        {"capabilities": {"streaming": False}, "documentationUrl": ""},
        {"capabilities": {"streaming": False}, "documentationUrl": ""},
    ),
    ("no optional member that is not set", {"capabilities": {}}, {"capabilities": {}}),
    (
        "no other default",
        {"capabilities": {"extensions": [{"uri": "", "required": False}]}, "securityRequirements": []},
        {"capabilities": {"extensions": [{}]}},
    ),
    ("a choice without content", {"securitySchemes": {"m": {"mtlsSecurityScheme": {}}}}, {"securitySchemes": {"m": {"mtlsSecurityScheme": {}}}}),
    (
        "required members of what is in a map",
        {"securitySchemes": {"h": {"httpAuthSecurityScheme": {}}}},
        {"securitySchemes": {"h": {"httpAuthSecurityScheme": {"scheme": ""}}}},
    ),
    ("no null", {"provider": None, "iconUrl": None}, {}),
    ("nothing that A2A does not define", {"mood": "good"}, {}),
    ("no signatures", {"signatures": [{"protected": "e30", "signature": "c2ln"}]}, {}),
]


@pytest.mark.parametrize(("members", "more"), named(PRESENT))
def test_what_is_present(members: Json, more: Json) -> None:
    assert json.loads(canonical(card_of(members))) == {**LEAST, **more}


def test_a_required_map_is_present() -> None:
    flows: Json = {"clientCredentials": {"tokenUrl": "https://example.com/t", "scopes": {}}}
    schemes: Json = {"o": {"oauth2SecurityScheme": {"flows": flows}}}
    assert json.loads(canonical(card_of({"securitySchemes": schemes}))) == {**LEAST, "securitySchemes": schemes}


@pytest.mark.parametrize(("members", "more"), named(PRESENT))
def test_the_canonical_text_is_that_of_the_published_card(members: Json, more: Json) -> None:
    """Whoever verifies the card as it came, without knowing the presence rules, finds the same."""
    published = json.loads(protojson.encode(card_of(members), BOUNDS))
    published.pop("signatures", None)
    assert json.loads(canonical(card_of(members))) == published


# Our own signatures


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_is_a_jws_over_the_canonical_text(algorithm: str) -> None:
    """Held against the algorithms themselves, without the library that signs."""
    card = card_of(CARD)
    (signature,) = sign(card, signing_key(algorithm, "k1"), "https://example.com/keys").signatures
    assert json.loads(decoded(signature.protected)) == {
        "alg": algorithm,
        "kid": "k1",
        "typ": "JOSE",
        "jku": "https://example.com/keys",
    }
    signed = f"{signature.protected}.{unpadded(canonical(card))}".encode()
    public = private(algorithm).public_key()
    proof = decoded(signature.signature)
    match public:
        case ec.EllipticCurvePublicKey():
            r, s = int.from_bytes(proof[:32]), int.from_bytes(proof[32:])
            assert len(proof) == 64
            public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        case rsa.RSAPublicKey():
            public.verify(proof, signed, padding.PKCS1v15(), hashes.SHA256())
        case _:
            public.verify(proof, signed)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_signed_verifies(algorithm: str) -> None:
    key = signing_key(algorithm)
    signed = sign(card_of(CARD), key)
    assert verify(signed, public_keys(jwks(key))) is Verdict.VALID
    over_the_wire = a2a.AgentCard.from_binary(signed.to_binary())
    over_json = protojson.decode(a2a.AgentCard, protojson.encode(signed, BOUNDS), BOUNDS)
    assert [verify(one, public_keys(jwks(key))) for one in (over_the_wire, over_json)] == [Verdict.VALID] * 2


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_card_is_signed_the_same(algorithm: str) -> None:
    key = signing_key(algorithm)
    assert sign(card_of(CARD), key).to_binary() == sign(card_of(CARD), key).to_binary()


def test_signing_replaces_other_signatures_and_leaves_the_card_alone() -> None:
    card = card_of({**CARD, "signatures": [{"protected": "e30", "signature": "c2ln"}]})
    before = card.to_binary()
    signed = sign(card, signing_key())
    assert card.to_binary() == before
    assert [one.protected == "e30" for one in signed.signatures] == [False]
    assert canonical(signed) == canonical(card)


def test_without_jku_none_is_named() -> None:
    (signature,) = sign(card_of(CARD), signing_key()).signatures
    assert "jku" not in json.loads(decoded(signature.protected))


# Others' signatures

KEY = signing_key("ES256", "k1")
OTHER_KEY = signing_key("ES256", "k1", name="second")
KEYS = public_keys(jwks(KEY, signing_key("RS256", "r1"), signing_key("EdDSA", "e1")))


def resigned(header: JsonValue, payload: bytes | None = None) -> a2a.AgentCardSignature:
    """A true signature by the known key, under any header."""
    protected = unpadded(json.dumps(header).encode())
    signed = f"{protected}.{unpadded(canonical(card_of(CARD)) if payload is None else payload)}".encode()
    key: Any = KEY.private
    der = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    proof = b"".join(part.to_bytes(32) for part in decode_dss_signature(der))
    return a2a.AgentCardSignature(protected=protected, signature=unpadded(proof))


def of_us(**changes: str) -> a2a.AgentCardSignature:
    """Our signature of the card, with something else in one of its members."""
    (signature,) = sign(card_of(CARD), KEY).signatures
    members = {"protected": signature.protected, "signature": signature.signature, **changes}
    return a2a.AgentCardSignature(protected=members["protected"], signature=members["signature"])


def keyed_hash() -> a2a.AgentCardSignature:
    """A hash keyed with the public key, which a careless verifier takes for a signature."""
    protected = unpadded(b'{"alg":"HS256","kid":"k1"}')
    public = json.dumps(jwks(KEY)["keys"][0]).encode()
    signed = f"{protected}.{unpadded(canonical(card_of(CARD)))}".encode()
    return a2a.AgentCardSignature(
        protected=protected, signature=unpadded(hmac.new(public, signed, hashlib.sha256).digest())
    )


(BY_RSA,) = sign(card_of(CARD), signing_key("RS256", "r1")).signatures
GOOD: Json = {"alg": "ES256", "kid": "k1"}
SIGNATURES: list[tuple[str, list[a2a.AgentCardSignature], Verdict]] = [
    ("none", [], Verdict.UNSIGNED),
    ("ours", [of_us()], Verdict.VALID),
    ("no type", [resigned(GOOD)], Verdict.VALID),
    ("header members that mean nothing", [resigned({**GOOD, "jku": None, "x": [1]})], Verdict.VALID),
    ("padded", [of_us(signature=of_us().signature + "==")], Verdict.VALID),
    ("another key of the same id", list(sign(card_of(CARD), OTHER_KEY).signatures), Verdict.INVALID),
    ("a key that is not known", [resigned({**GOOD, "kid": "k2"})], Verdict.UNKNOWN_KEY),
    ("no key named", [resigned({"alg": "ES256"})], Verdict.UNKNOWN_KEY),
    ("a key id that is no text", [resigned({**GOOD, "kid": 1})], Verdict.INVALID),
    ("no algorithm", [resigned({"kid": "k1"})], Verdict.INVALID),
    ("the algorithm none", [of_us(protected=unpadded(b'{"alg":"none","kid":"k1"}'), signature="")], Verdict.INVALID),
    ("a hash keyed with the public key", [keyed_hash()], Verdict.INVALID),
    ("the algorithm of another key", [resigned({**GOOD, "alg": "RS256"})], Verdict.INVALID),
    ("the id of a key of another kind", [resigned({**GOOD, "kid": "r1"})], Verdict.INVALID),
    ("an extension that must be understood", [resigned({**GOOD, "crit": ["exp"], "exp": 1})], Verdict.INVALID),
    ("a payload said to be elsewhere", [resigned({**GOOD, "b64": False, "crit": ["b64"]})], Verdict.INVALID),
    ("of another text", [resigned(GOOD, b"{}")], Verdict.INVALID),
    ("of nothing", [resigned(GOOD, b"")], Verdict.INVALID),
    ("with a payload of its own", [of_us(protected=of_us().protected + "." + unpadded(b"{}"))], Verdict.INVALID),
    ("one character changed", [of_us(signature="A" + of_us().signature[1:] if of_us().signature[0] != "A" else "B" + of_us().signature[1:])], Verdict.INVALID),
    ("cut short", [of_us(signature=of_us().signature[:-4])], Verdict.INVALID),
    ("empty", [of_us(signature="")], Verdict.INVALID),
    ("no header", [of_us(protected="")], Verdict.INVALID),
    ("a header that is no JSON", [of_us(protected="AAAA")], Verdict.INVALID),
    ("a header that is no object", [of_us(protected=unpadded(b"[]"))], Verdict.INVALID),
    ("a header nested too deep", [of_us(protected=unpadded(b"[" * 100_000))], Verdict.INVALID),
    ("not base64", [of_us(signature="é!")], Verdict.INVALID),
    ("one good among bad ones", [of_us(signature=""), resigned({**GOOD, "kid": "k2"}), BY_RSA], Verdict.VALID),
    ("a bad one and an unknown one", [resigned({**GOOD, "kid": "k2"}), of_us(signature="")], Verdict.INVALID),
    ("a good one after too many", [of_us(signature="")] * MOST_SIGNATURES + [of_us()], Verdict.INVALID),
]


@pytest.mark.parametrize(("signatures", "verdict"), named(SIGNATURES))
def test_what_a_signature_is_worth(signatures: list[a2a.AgentCardSignature], verdict: Verdict) -> None:
    card = card_of(CARD)
    card.signatures = signatures
    assert verify(card, KEYS) is verdict


def changed(path: list[str | int], value: JsonValue) -> Json:
    card: Any = json.loads(json.dumps(CARD))
    inner = card
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return card


TAMPERED = [
    ("the name", changed(["name"], "Mallory")),
    ("an address", changed(["supportedInterfaces", 0, "url"], "https://mallory.example.com/")),
    ("one more address", changed(["supportedInterfaces"], [*CARD["supportedInterfaces"], {"url": "https://m", "protocolBinding": "GRPC", "protocolVersion": "1.0"}])),
    ("a flag that was not set", changed(["capabilities", "extendedAgentCard"], False)),
    ("a number", changed(["capabilities", "extensions", 0, "params", "whole"], 8)),
    ("a requirement that any caller meets", changed(["securityRequirements"], [{}])),
    ("an empty text where there was none", changed(["documentationUrl"], "")),
    ("the order of a list", changed(["defaultInputModes"], ["text/plain", "text/html"])),
]


@pytest.mark.parametrize("members", named(TAMPERED))
def test_a_changed_card_does_not_verify(members: Json) -> None:
    card = card_of(members)
    card.signatures = [of_us()]
    assert verify(card, KEYS) is Verdict.INVALID


# Keys

THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
"""Of the key of RFC 8037, appendix A."""


def test_the_id_of_a_key_without_one_is_its_thumbprint() -> None:
    seed = decoded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
    key = SigningKey.from_pem(pem(Ed25519PrivateKey.from_private_bytes(seed)))
    assert key.kid == THUMBPRINT
    assert jwks(key) == {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": THUMBPRINT,
                "use": "sig",
                "alg": "EdDSA",
            }
        ]
    }


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_told_of_a_key_is_public(algorithm: str) -> None:
    (told,) = jwks(signing_key(algorithm))["keys"]
    assert {"d", "p", "q", "dp", "dq", "qi", "k"}.isdisjoint(told)


LOCKED = private("ES256").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
NO_KEYS = [
    ("nothing", b"", "expected a private key as PEM"),
    ("no PEM", b"secret", "expected a private key as PEM"),
    ("a password", LOCKED, "without a password"),
    ("another curve", pem(ec.generate_private_key(ec.SECP384R1())), "P-256"),
    ("a short RSA key", pem(rsa.generate_private_key(65537, 1024)), "2048 bits"),
]


@pytest.mark.parametrize(("text", "said"), named(NO_KEYS))
def test_what_cannot_sign_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SigningKey.from_pem(text)


FIRST: dict[str, Any] = jwks(KEY)["keys"][0]
LEFT_OUT: list[tuple[str, JsonValue]] = [
    ("no id", {name: value for name, value in FIRST.items() if name != "kid"}),
    ("an empty id", {**FIRST, "kid": ""}),
    ("an id that is no text", {**FIRST, "kid": 5}),
    ("a key for encryption", {**FIRST, "use": "enc"}),
    ("a shared secret", {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}),
    ("the algorithm none", {**FIRST, "alg": "none"}),
    ("another algorithm", {**FIRST, "alg": "ES384"}),
    ("an algorithm that is no text", {**FIRST, "alg": ["ES256"]}),
    ("an unknown kind", {**FIRST, "kty": "XYZ", "alg": None}),
    ("a point off the curve", {**FIRST, "x": FIRST["y"]}),
    ("half a point", {**FIRST, "x": ""}),
    ("no number", {**FIRST, "x": 1}),
    ("a short RSA key", {"kty": "RSA", "kid": "r", "e": "AQAB", "n": unpadded(b"\xc1" * 128)}),
    ("no object", "key"),
]


@pytest.mark.parametrize("one", named(LEFT_OUT))
def test_keys_that_cannot_verify_are_left_out(one: JsonValue) -> None:
    usable: JsonValue = {**FIRST, "kid": "usable"}
    assert list(public_keys({"keys": [one, usable]})) == ["usable"]
    assert refusal(lambda: public_keys({"keys": [one]})).path == "keys"


@pytest.mark.parametrize("value", [None, [], {}, {"keys": None}, {"keys": {}}, {"keys": []}, "keys"])
def test_what_is_no_set_of_keys_is_refused(value: JsonValue) -> None:
    assert refusal(lambda: public_keys(value)).path == "keys"


def test_a_private_key_in_a_set_is_used_as_a_public_one() -> None:
    keys = public_keys({"keys": [{**FIRST, "d": "AAAA"}]})
    assert verify(sign(card_of(CARD), KEY), keys) is Verdict.VALID


# The a2a-sdk


def sdk(*asked: dict[str, Any]) -> list[Any]:
    """What the SDK answers, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.codec.sdk_signature"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=50,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def members_of(card: a2a.AgentCard) -> dict[str, Any]:
    return json.loads(protojson.encode(card, BOUNDS))


def test_the_sdk_writes_the_same_canonical_text() -> None:
    assert sdk({"do": "canonical", "card": CARD}) == [canonical(card_of(CARD)).decode()]


def test_the_sdk_verifies_what_we_sign() -> None:
    keys = [signing_key(algorithm) for algorithm in ALGORITHMS]
    good: list[dict[str, Any]] = [{"do": "verify", "card": members_of(sign(card_of(CARD), key)), "jwks": jwks(key)} for key in keys]
    bad = [{**one, "card": {**one["card"], "name": "Mallory"}} for one in good]
    assert sdk(*good, *bad) == [True] * 3 + [False] * 3


def test_we_verify_what_the_sdk_signs() -> None:
    asked = [
        {"do": "sign", "card": CARD, "pem": pem(private(algorithm)).decode(), "algorithm": algorithm, "kid": algorithm}
        for algorithm in ALGORITHMS
    ]
    keys = public_keys(jwks(*(signing_key(algorithm, algorithm) for algorithm in ALGORITHMS)))
    signed = [card_of(members) for members in sdk(*asked)]
    assert [verify(card, keys) for card in signed] == [Verdict.VALID] * 3
    for card in signed:
        card.description = "Another."
    assert [verify(card, keys) for card in signed] == [Verdict.INVALID] * 3


DEVIATIONS: list[tuple[str, Json, str, str]] = [
    ("an empty required list", {"skills": []}, '"skills":[]', ""),
    ("an empty required text", {"description": ""}, '"description":""', ""),
    ("required texts inside", {"skills": [{"id": "s"}]}, '{"description":"","id":"s","name":"","tags":[]}', '{"id":"s"}'),
    ("an optional text set to nothing", {"documentationUrl": ""}, '"documentationUrl":""', ""),
    ("no capabilities", {"capabilities": {}}, '"capabilities":{}', ""),
    ("a choice without content", {"securitySchemes": {"m": {"mtlsSecurityScheme": {}}}}, '{"mtlsSecurityScheme":{}}', ""),
    ("a requirement without scopes", {"securityRequirements": [{"schemes": {"token": {}}}]}, '[{"schemes":{"token":{}}}]', ""),
    ("a requirement that any caller meets", {"securityRequirements": [{}]}, '"securityRequirements":[{}]', ""),
    ("free-form null, in an object", {"capabilities": {"extensions": [{"uri": "u", "params": {"a": None, "b": 1}}]}}, '{"a":null,"b":1}', '{"b":1}'),
    ("free-form empty text, in a list", {"capabilities": {"extensions": [{"uri": "u", "params": {"a": ["", 1]}}]}}, '{"a":["",1]}', '{"a":[1]}'),
    ("free-form empty object", {"capabilities": {"extensions": [{"uri": "u", "params": {}}]}}, '{"params":{},"uri":"u"}', '{"uri":"u"}'),
]
"""Where the SDK leaves out what the specification keeps: what the card has, our text, its text."""


def test_where_the_sdk_deviates() -> None:
    """The specification's text is not the SDK's for such a card, so neither verifies the other's signature of it."""
    cards = [{**CARD, **members} for _, members, _, _ in DEVIATIONS]
    keyed = {"pem": pem(private("ES256")).decode(), "algorithm": "ES256", "kid": "k1"}
    theirs = sdk(*({"do": "canonical", "card": card} for card in cards))
    signed = sdk(*({"do": "sign", "card": card, **keyed} for card in cards))
    judged = sdk(*({"do": "verify", "card": members_of(sign(card_of(card), KEY)), "jwks": jwks(KEY)} for card in cards))
    rows = zip(DEVIATIONS, cards, theirs, signed, judged, strict=True)
    for (what, _, ours, instead), card, text, by_sdk, verdict in rows:
        own = canonical(card_of(card)).decode()
        assert ours in own, what
        assert ours not in text, what
        assert instead in text, what
        assert verify(card_of(by_sdk), KEYS) is Verdict.INVALID, what
        assert verdict is False, what
