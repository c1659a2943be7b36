"""What the SDK agent puts into parts, for both sides: `parts` sends NESTED, `data` NESTED and LINE_SEPARATORS."""

from typing import Any

NESTED: dict[str, Any] = {
    "title": "Zürich, 東京, naïve",
    "emoji": "👩‍🚀🎉",
    "escapes": 'tab\t quote" backslash\\ newline\n slash/',
    "nested": {"list": [1, 2.5, -0.125, 1e21, "x", None, True, {"deep": []}], "empty": {}},
}
LINE_SEPARATORS: dict[str, Any] = {"separators": "one\u2028two\u2029three\u0085four"}
VALUES: list[Any] = ["text", 0.1, False, None, [1.5, "two"]]
RAW = bytes(range(256))
RAW_FILENAME = "räw bytes.bin"
URL = "https://example.com/a b?q=1&r=ü"
METADATA: dict[str, Any] = {"origin": "interop", "rank": 1.5}
EXTENSION = "https://example.com/ext/v1"
