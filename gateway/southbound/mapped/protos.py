"""`.proto` files to descriptors, by the protoc of grpcio-tools or the one on PATH, in a process of its own."""

import asyncio
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gateway.settings import ConfigurationError

_LOGGED = re.compile(r"WARNING: All log messages|[IWE][0-9]{4} ")
"""Lines that the compiler prints for its authors."""
_WITHIN_S = 60.0
"""For a compiler that is asked to compile a few files."""


async def compiled(files: Sequence[Path], includes: Sequence[Path]) -> bytes:
    """A serialised FileDescriptorSet of files and all that they import, with comments. Raises ConfigurationError."""
    # In a thread, since the event loop's own way to start a process forks, which grpc's threads do not survive.
    return await asyncio.to_thread(_compile, files, includes)


def _compile(files: Sequence[Path], includes: Sequence[Path]) -> bytes:
    folders = dict.fromkeys(path.resolve() for path in (includes or [file.parent for file in files]))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "descriptors"
        command = [
            *_compiler(),
            *(f"-I{include}" for include in folders),
            "--include_imports",
            "--include_source_info",
            f"--descriptor_set_out={out}",
            *(str(file.resolve()) for file in files),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_WITHIN_S, check=False)  # noqa: S603 # no shell
        except subprocess.TimeoutExpired:
            raise ConfigurationError(f"descriptors.protos: the compiler took over {_WITHIN_S:g} s") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").splitlines()
            problems = [line for line in said if not _LOGGED.match(line)]
            raise ConfigurationError("\n".join(["descriptors.protos: the files do not compile", *problems]))
        return out.read_bytes()


def _compiler() -> list[str]:
    if importlib.util.find_spec("grpc_tools") is not None:
        return [sys.executable, "-m", "grpc_tools.protoc", f"-I{_well_known()}"]
    if (protoc := shutil.which("protoc")) is not None:
        return [protoc]
    raise ConfigurationError(
        "descriptors.protos: there is no compiler for .proto files: install a2a-gateway[protos] or protoc, "
        "or give a descriptor set (descriptors.set)"
    )


def _well_known() -> Path:
    """Where grpcio-tools keeps the files that every protoc has."""
    spec = importlib.util.find_spec("grpc_tools")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "_proto"
