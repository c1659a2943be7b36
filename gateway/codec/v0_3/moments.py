"""The timestamps of the 0.3 JSON: its schema says ISO 8601, and agents write it in all its forms."""

import re
from datetime import UTC, datetime

_FRACTION = re.compile(r"(?:(?<=[0-9]{2}:[0-9]{2}:[0-9]{2})|(?<=T[0-9]{6}))[.,]([0-9]+)")


def to_rfc_3339(text: str) -> str | None:
    """The same moment in UTC, with up to nine digits of fraction; None for what is no moment.

    A time without a zone counts as UTC: agents that leave it out mostly run there.
    """
    text = text.strip().upper()
    fraction = _FRACTION.search(text)
    whole = _FRACTION.sub("", text, count=1)
    if not whole.isascii():
        return None
    try:
        moment = datetime.fromisoformat(whole)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    if moment.microsecond:
        return None
    digits = fraction[1][:9].rstrip("0") if fraction else ""
    stem = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{stem}.{digits}Z" if digits else f"{stem}Z"
