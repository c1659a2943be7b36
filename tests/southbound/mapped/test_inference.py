"""What is inferred for methods, from the descriptors alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protobuf import DescMethod

from gateway.settings import SkillSettings
from gateway.southbound.mapped import inference
from gateway.southbound.mapped.descriptors import name_of
from gateway.southbound.mapped.skills import skill
from gateway.southbound.mapped.static import problems_of
from tests.southbound.mapped.protos import described, method

REST = "data || `{}`"

REQUESTS = {
    "string text = 1;": f"merge({{text: text}}, {REST})",
    "string title = 1; string prompt = 2; string text = 3;": f"merge({{text: text}}, {REST})",
    "string title = 1; string prompt = 2;": f"merge({{prompt: text}}, {REST})",
    "string anything = 1;": f"merge({{anything: text}}, {REST})",
    "string anything = 1; int32 count = 2;": f"merge({{anything: text}}, {REST})",
    "string user_query = 1; string tone = 2;": f"merge({{user_query: text}}, {REST})",
    "string a = 1; string b = 2;": "data",
    "string id = 1;": "data",
    "string session_id = 1; string say = 2;": f"merge({{say: text}}, {REST})",
    "repeated string text = 1;": "data",
    "int32 number = 1;": "data",
    "": "`{}`",
    "bytes audio = 1;": f"merge({{audio: files[0].bytes}}, {REST})",
    "bytes image = 1; string mime_type = 2; string filename = 3; string prompt = 4;": (
        "merge({prompt: text, image: files[0].bytes, mime_type: files[0].media_type, filename: files[0].name}, "
        f"{REST})"
    ),
    "Inner inner = 1;": f"merge({{inner: {{content: text}}}}, {REST})",
    "oneof o { string text = 1; bytes image = 2; }": f"merge({{text: text, image: files[0].bytes}}, {REST})",
    "google.protobuf.Struct fields = 1;": "data",
    "string text = 1 [deprecated = true]; string question = 2;": f"merge({{text: text}}, {REST})",
}

RESPONSES: dict[str, dict[str, str]] = {
    "string text = 1;": {"text": "text"},
    "string token = 1; int32 index = 2;": {"text": "token"},
    "string model = 1; string delta = 2;": {"text": "delta"},
    "string translated_text = 1; string language = 2;": {"text": "translated_text"},
    "string whatever = 1;": {"text": "whatever"},
    "string id = 1; double score = 2;": {"data": "@"},
    "double score = 1;": {"data": "@"},
    "string a = 1; string b = 2;": {"data": "@"},
    "": {},
    "bytes audio = 1;": {"file": "audio"},
    "bytes data = 1; string content_type = 2;": {"file": "{bytes: data, media_type: content_type}"},
    "oneof o { string text = 1; bytes audio = 2; }": {"text": "text", "file": "audio"},
    "Inner inner = 1;": {"text": "inner.content"},
    "google.protobuf.Struct fields = 1;": {"data": "@"},
}

INNER = "message Inner { string content = 1; }"


@pytest.mark.parametrize("fields", REQUESTS)
def test_requests(fields: str) -> None:
    assert inference.request_of(method(fields, "", INNER)) == REQUESTS[fields]


@pytest.mark.parametrize("fields", RESPONSES)
def test_responses(fields: str) -> None:
    mapping = inference.response_of(method("", fields, INNER))
    assert mapping.model_dump(exclude_none=True, exclude={"artifact"}) == RESPONSES[fields]


WELL_KNOWN = {
    "Empty": ("`{}`", {}),
    "StringValue": ("text", {"text": "@"}),
    "BytesValue": ("files[0].bytes", {"file": "@"}),
    "Int64Value": ("data", {"data": "@"}),
    "Struct": ("data", {"data": "@"}),
    "Value": ("data", {"data": "@"}),
    "Timestamp": ("data", {"text": "@"}),
    "Any": ("data", {"data": "@"}),
}


def well_known(name: str) -> DescMethod:
    imports = "".join(f'import "google/protobuf/{one}.proto";' for one in ("any", "empty", "struct", "timestamp", "wrappers"))
    kind = f"google.protobuf.{name}"
    return described(f'syntax = "proto3"; package p; {imports} service S {{ rpc M({kind}) returns ({kind}); }}').method("p.S/M")


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_types_with_a_json_of_their_own(name: str) -> None:
    request, response = WELL_KNOWN[name]
    found = well_known(name)
    assert inference.request_of(found) == request
    assert inference.response_of(found).model_dump(exclude_none=True, exclude={"artifact"}) == response


NAMES = st.sampled_from([*inference.TEXT_IN, *inference.TEXT_OUT, *inference.BYTES, *inference.NOT_TEXT, "a", "b", "user_id"])
TYPES = st.sampled_from(["string", "bytes", "int64", "bool", "repeated string", "map<string, int32>", "Inner", "repeated Inner"])
FIELDS = st.dictionaries(NAMES, TYPES, max_size=5).map(
    lambda fields: " ".join(f"{kind} {name} = {number};" for number, (name, kind) in enumerate(fields.items(), 1))
)


@settings(max_examples=60, deadline=None)
@given(FIELDS, FIELDS)
def test_what_is_inferred_passes_every_check(request: str, response: str) -> None:
    found = method(request, response, INNER)
    written = SkillSettings.model_validate(
        {
            "method": name_of(found),
            "request": inference.request_of(found),
            "response": inference.response_of(found).model_dump(exclude_none=True),
        }
    )
    made = skill(written, found, "", "M")
    assert problems_of(written, made) == []
    assert made.request.text == skill(SkillSettings.model_validate({"method": name_of(found)}), found, "", "M").request.text
