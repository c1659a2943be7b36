"""The key that published cards are signed with."""

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, model_validator

from gateway.settings.values import Frozen, HttpUrl

if TYPE_CHECKING:
    from gateway.codec.signature import SigningKey


class Signing(Frozen):
    """The key that the gateway signs the cards with that it publishes."""

    key: Path = Field(
        description="The private key, as PEM without a password: on P-256 (signs as ES256), Ed25519 (EdDSA), "
        "or RSA of at least 2,048 bits (RS256)."
    )
    kid: str = Field("", description="Its id in signatures and in the JWK Set; its thumbprint (RFC 7638) where absent.")
    jku: bool | HttpUrl = Field(
        False, description="Where signatures say that the key is: `true` for the gateway's own JWK Set, or a URL."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.signing_key()
        return self

    def signing_key(self) -> "SigningKey":
        """Raises ValueError, which names the file."""
        from gateway.codec.signature import SigningKey  # heavy, and few gateways sign

        try:
            return SigningKey.from_pem(self.key.read_bytes(), self.kid)
        except OSError as error:
            raise ValueError(f"{self.key}: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"{self.key}: {error}") from None
