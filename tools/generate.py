"""Writes `generated/` from `protos/` with grpcio-tools, then the generated regions of `docs/`.

Two runtimes' modules come from one run: `a2a_pb.py` (protobuf-py, what the gateway uses) and
`a2a_pb2.py`, `a2a_pb2.pyi`, `a2a_pb2_grpc.py` (google.protobuf and grpcio, what Python users of
the stock stubs import). The `google.rpc` status messages come from googleapis-common-protos.
"""

import importlib
import importlib.resources
import shutil
import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "generated"
A2A = ["generated/a2a/v1/a2a.proto", "generated/a2a/v0_3/a2a.proto"]
GOOGLE_RPC = ["google/rpc/error_details.proto", "google/rpc/status.proto"]
NOTE = '"""Written by `make generate`; never edited."""\n'


def run_protoc(*arguments: str) -> None:
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    command = ["protoc", f"-I{well_known}", *arguments]
    if protoc.main(command) != 0:  # pyright: ignore[reportUnknownMemberType] # it ships no types
        sys.exit("protoc failed")


def google_protos() -> Path:
    """The folder that googleapis-common-protos installs its .proto files into."""
    import google.rpc

    return Path(next(iter(google.rpc.__path__))).parent.parent


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    outputs = ["--python_out=.", "--pyi_out=.", "--grpc_python_out=.", "--py_out=."]
    run_protoc("-Igenerated=protos", *outputs, *A2A)
    (ROOT / "__init__.py").unlink()  # the plugin makes every folder of its output a package
    run_protoc(f"-I{google_protos()}", "--py_out=generated", *GOOGLE_RPC)
    for folder in [OUT, *(path for path in OUT.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(NOTE)
    write_docs()


def write_docs() -> None:
    """Comes last: the tables are read from the gateway's code, which imports what was just written."""
    importlib.invalidate_caches()
    from tools import docs

    docs.write()


if __name__ == "__main__":
    import os

    os.chdir(ROOT)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    main()
