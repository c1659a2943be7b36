"""The signatures of the a2a-sdk, for a process of its own: its messages cannot be loaded beside the stock ones.

Reads a JSON list from stdin, of objects with `do`, a `card` and what that takes; prints the list of answers.
"""

import json
import logging
import sys
from typing import Any

from a2a.types import AgentCard
from a2a.utils import signing
from google.protobuf.json_format import MessageToDict, ParseDict
from jwt.api_jwk import PyJWK


def canonical(card: AgentCard, asked: dict[str, Any]) -> str:
    return signing._canonicalize_agent_card(card)


def sign(card: AgentCard, asked: dict[str, Any]) -> dict[str, Any]:
    header: Any = {"alg": asked["algorithm"], "kid": asked["kid"], "typ": "JOSE", "jku": None}
    return MessageToDict(signing.create_agent_card_signer(asked["pem"], header)(card))


def verify(card: AgentCard, asked: dict[str, Any]) -> bool:
    keys = {key["kid"]: PyJWK(key) for key in asked["jwks"]["keys"]}
    check = signing.create_signature_verifier(lambda kid, jku: keys[kid or ""], ["ES256", "EdDSA", "RS256"])
    try:
        check(card)
    except signing.SignatureVerificationError:
        return False
    return True


def main() -> None:
    logging.disable()
    asked = json.load(sys.stdin)
    answers = []
    for one in asked:
        card = ParseDict(one["card"], AgentCard())
        answers.append({"canonical": canonical, "sign": sign, "verify": verify}[one["do"]](card, one))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
