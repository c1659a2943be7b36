"""Keys of every kind that cards are signed with, made once a run, and what others would be given of them."""

from functools import cache
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.codec.signature import PrivateKey, SigningKey, public_jwks

ALGORITHMS = ("ES256", "EdDSA", "RS256")


def private(algorithm: str, name: str = "first") -> PrivateKey:
    """The same private key for the same algorithm and name."""
    return _made(algorithm, name)


@cache
def _made(algorithm: str, name: str) -> PrivateKey:
    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return rsa.generate_private_key(65537, 2048)


def pem(key: PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signing_key(algorithm: str = "ES256", kid: str = "k1", name: str = "first") -> SigningKey:
    return SigningKey.from_pem(pem(private(algorithm, name)), kid)


def jwks(*keys: SigningKey) -> dict[str, Any]:
    return cast(dict[str, Any], public_jwks(keys))
