"""Signatures of agent cards (specification section 8.4): JWS (RFC 7515) over the card's canonical JSON (RFC 8785).

Keys are values here; where they are kept and read is not known. Nothing is random: the same card
and key give the same signature, in every process.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import rfc8785
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm
from jwt.api_jwk import PyJWK
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from jwt.utils import base64url_encode

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from generated.a2a.v1.a2a_pb import AgentCard, AgentCardSignature

PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey
PublicKeys = Mapping[str, PyJWK]
"""Keys that signatures are verified with, by key id."""

ALGORITHMS = ("ES256", "EdDSA", "RS256")
LEAST_RSA_BITS = 2048
MOST_SIGNATURES = 16
"""How many signatures of one card are looked at; each costs a verification."""

_ANY_LENGTH = Bounds(json_bytes=2**62)
"""What was let in may be signed, whatever its length as JSON."""
_PUBLIC_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "alg")
_THUMBPRINT_MEMBERS = ("kty", "crv", "x", "y", "n", "e")


class Verdict(Enum):
    """What became of verifying a card."""

    VALID = "a signature is by a known key and over this card"
    INVALID = "its signature is not by the key that it names, or over another card"
    UNKNOWN_KEY = "its signature names no known key"
    UNSIGNED = "it is not signed"


class _DeterministicEs256(ECAlgorithm):
    """ES256 with nonces by RFC 6979: cards with the same content stay the same, as caches need."""

    def sign(self, msg: bytes, key: EllipticCurvePrivateKey) -> bytes:
        r, s = decode_dss_signature(key.sign(msg, ECDSA(self.hash_alg(), deterministic_signing=True)))
        return r.to_bytes(32) + s.to_bytes(32)


def _jws() -> PyJWS:
    jws = PyJWS(ALGORITHMS, {"verify_signature": True, "enforce_minimum_key_length": True})
    jws.unregister_algorithm("ES256")
    jws.register_algorithm("ES256", _DeterministicEs256(ECAlgorithm.SHA256, SECP256R1))
    return jws


_JWS = _jws()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; its kind decides the algorithm."""

    kid: str
    algorithm: str
    private: PrivateKey

    @classmethod
    def from_pem(cls, pem: bytes, kid: str = "") -> "SigningKey":
        """The key in a PEM text; without a `kid`, its thumbprint (RFC 7638) is one.

        Raises ValueError, which says what is wrong with it.
        """
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("expected a private key as PEM without a password") from None
        algorithm = _algorithm(private)
        key = cls(kid, algorithm, cast(PrivateKey, private))
        return key if kid else cls(_thumbprint(key), algorithm, key.private)

    def public(self) -> dict[str, JsonValue]:
        """The public half as a JWK (RFC 7517), without its id and use."""
        # Any: each algorithm takes keys of its own kind, which the common type does not say
        algorithm: Any = _JWS.get_algorithm_by_name(self.algorithm)
        members: dict[str, JsonValue] = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {name: members[name] for name in _THUMBPRINT_MEMBERS if name in members}


def canonical(card: AgentCard) -> bytes:
    """What a signature of a card is over: the card as it is published, without signatures (section 8.4.1)."""
    unsigned = copy(card)
    unsigned.signatures = []
    text = protojson.encode(unsigned, _ANY_LENGTH)
    return rfc8785.dumps(json.loads(text, parse_int=_number))


def sign(card: AgentCard, key: SigningKey, jku: str = "") -> AgentCard:
    """The card with one signature, ours (section 8.4.2); `jku` is where our keys can be read."""
    header = {"alg": key.algorithm, "kid": key.kid, "typ": "JOSE"} | ({"jku": jku} if jku else {})
    token = _JWS.encode(canonical(card), key.private, key.algorithm, header)
    protected, _, signature = token.split(".")
    signed = copy(card)
    signed.signatures = [AgentCardSignature(protected=protected, signature=signature)]
    return signed


def verify(card: AgentCard, keys: PublicKeys) -> Verdict:
    """Whether any signature of a card is by one of these keys (section 8.4.3).

    `jku` is not followed: whoever forges a card would write it.
    """
    if not card.signatures:
        return Verdict.UNSIGNED
    payload = base64url_encode(canonical(card)).decode()
    verdicts = {_verify_one(signature, payload, keys) for signature in card.signatures[:MOST_SIGNATURES]}
    return next(verdict for verdict in Verdict if verdict in verdicts)


def public_jwks(keys: Iterable[SigningKey]) -> JsonValue:
    """The JWK Set with which others verify what these keys sign."""
    return {"keys": [{**key.public(), "kid": key.kid, "use": "sig", "alg": key.algorithm} for key in keys]}


def public_keys(jwks: JsonValue) -> PublicKeys:
    """The keys of a JWK Set that cards can be verified with; others are left out (RFC 7517 section 5).

    Raises Malformed where there is none.
    """
    listed = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(listed, list):
        raise Malformed("expected a JWK Set: an object with a list of keys", "keys")
    read = [_public_key(one) for one in listed if isinstance(one, dict)]
    if not (keys := dict(pair for pair in read if pair is not None)):
        raise Malformed(f"no key with a kid for {', '.join(ALGORITHMS)}", "keys")
    return keys


def _verify_one(signature: AgentCardSignature, payload: str, keys: PublicKeys) -> Verdict:
    token = f"{signature.protected}.{payload}.{signature.signature}"
    try:
        key = keys.get(_JWS.get_unverified_header(token).get("kid", ""))
        if key is None:
            return Verdict.UNKNOWN_KEY
        _JWS.decode(token, key)  # by the algorithm of the key, whatever the header says
    except PyJWTError:
        return Verdict.INVALID
    return Verdict.VALID


def _public_key(jwk: dict[str, JsonValue]) -> tuple[str, PyJWK] | None:
    kid, of_signatures = jwk.get("kid"), jwk.get("use", "sig") == "sig"
    if not isinstance(kid, str) or not kid or not of_signatures or jwk.get("alg") not in (None, *ALGORITHMS):
        return None
    try:
        key = PyJWK({name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk})
    except (PyJWTError, TypeError, ValueError):
        return None
    long_enough = key.Algorithm.check_key_length(key.key) is None
    return (kid, key) if key.algorithm_name in ALGORITHMS and long_enough else None


def _number(text: str) -> int | float:
    """A whole number as RFC 8785 takes it: from 2**53 on, it stands for the double that it is."""
    number = int(text)
    return number if abs(number) < 2**53 else float(number)


def _algorithm(private: object) -> str:
    match private:
        case EllipticCurvePrivateKey(curve=SECP256R1()):
            return "ES256"
        case Ed25519PrivateKey():
            return "EdDSA"
        case RSAPrivateKey(key_size=bits) if bits >= LEAST_RSA_BITS:
            return "RS256"
        case _:
            raise ValueError(f"expected a key on P-256, an Ed25519 key, or an RSA key of {LEAST_RSA_BITS} bits")


def _thumbprint(key: SigningKey) -> str:
    return base64url_encode(hashlib.sha256(rfc8785.dumps(cast(Any, key.public()))).digest()).decode()
