"""Definitions written in a test, compiled as it runs, in registries of their own."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from grpc_tools import protoc
from protobuf import DescMessage, DescMethod, Message
from protobuf.wkt import FileDescriptorProto, FileDescriptorSet

from gateway.southbound.mapped.descriptors import Descriptors, from_set

MOST_FILES = 100
_WELL_KNOWN = Path(protoc.__file__).parent / "_proto"

WORDS = """
syntax = "proto3";
package t.v1;

// Says words.
//
// In four ways.
service Words {
  // Says one line.
  rpc Say(Line) returns (Line);
  rpc Tell(Line) returns (stream Line);  // Tells many.
  rpc Collect(stream Line) returns (Total);
  rpc Chat(stream Line) returns (stream Line);
}

// A line.
message Line {
  // What is said.
  string text = 1;
  int64 number = 2;
  bool done = 3;
  string status = 4;
  string failed = 5;
  bytes file = 6;
  string your_turn = 7;
}

message Total {
  int32 lines = 1;
  repeated string all = 2;
}
"""


@cache
def compiled(*files: str, imports: bool = True, source: bool = True) -> bytes:
    """A serialised descriptor set of `.proto` texts, which are `a.proto`, `b.proto` and so on."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{letter}.proto" for letter, _ in zip("abcdef", files, strict=False)]
        for name, text in zip(names, files, strict=True):
            (Path(folder) / name).write_text(text)
        out = Path(folder) / "set"
        flags = [*(["--include_imports"] if imports else []), *(["--include_source_info"] if source else [])]
        command = ["protoc", f"-I{folder}", f"-I{_WELL_KNOWN}", *flags, f"--descriptor_set_out={out}", *names]
        assert protoc.main(command) == 0
        return out.read_bytes()


def described(*files: str) -> Descriptors:
    return from_set(compiled(*files), MOST_FILES)


def files_of(*files: str, source: bool = True) -> list[FileDescriptorProto]:
    return FileDescriptorSet.from_binary(compiled(*files, source=source)).file


def message(descriptors: Descriptors, name: str) -> DescMessage:
    found = descriptors.registry.message(name)
    assert found is not None
    return found


def method(request: str, response: str, more: str = "") -> DescMethod:
    """A method between two messages that are given by their fields."""
    text = f"""
        syntax = "proto3"; package p;
        import "google/protobuf/any.proto"; import "google/protobuf/empty.proto"; import "google/protobuf/struct.proto";
        import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
        message In {{ {request} }} message Out {{ {response} }} {more}
        service S {{ rpc M(In) returns (Out); }}
    """
    return described(text).method("p.S/M")


def made(descriptors: Descriptors, name: str, **members: Any) -> bytes:
    """A message's wire form."""
    kind: type[Message] = message(descriptors, name).type
    return kind(**members).to_binary()
