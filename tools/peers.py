"""Makes the environments of peers that cannot live in the project's own: `python -m tools.peers [PEER…]`.

Each is a venv at the versions of its constraints file, made once: a second run finds it up to date and does nothing.
Prints the interpreter of each. The tests call `make` too, so that a checkout without `make setup` works.
"""

import argparse
import fcntl
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = ".installed"


class NotMade(Exception):
    """An environment could not be made. The text is what the command that failed wrote last."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An environment: what is installed into it, at which versions, and the variable that says where it is."""

    requirements: tuple[str, ...]
    constraints: str
    variable: str
    default: str
    tested: bool = True
    """Whether tests need it; what only benchmarks need is made when they ask."""

    @property
    def folder(self) -> Path:
        return Path(os.environ.get(self.variable) or ROOT / self.default).absolute()

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def wanted(self) -> str:
        """Changes whenever the environment has to be made anew."""
        contents = f"{sys.version} {self.requirements} {(ROOT / self.constraints).read_text()}"
        return hashlib.sha256(contents.encode()).hexdigest()


PEERS = {
    "a2a-sdk-0.3": Peer(
        requirements=("a2a-sdk[grpc,http-server]", "uvicorn"),
        constraints="tests/interop/constraints-a2a-sdk-0.3.txt",
        variable="A2A_SDK_03_VENV",
        default=".venv/peers/a2a-sdk-0.3",
    ),
    "kagenti-adk": Peer(
        requirements=("kagenti-adk", "mcp", "jsonpatch"),
        constraints="tests/interop/constraints-kagenti-adk.txt",
        variable="KAGENTI_ADK_VENV",
        default=".venv/peers/kagenti-adk",
    ),
    "fasta2a": Peer(
        requirements=("fasta2a", "httptools", "uvicorn", "uvloop"),
        constraints="benchmarks/peers/constraints-fasta2a.txt",
        variable="FASTA2A_VENV",
        default=".venv/peers/fasta2a",
        tested=False,
    ),
}


def make(name: str) -> Path:
    """The interpreter of a peer's environment, which is made first where it is missing or outdated.

    Raises NotMade. Safe to call from several processes at once: the first makes it, the others wait.
    """
    peer = PEERS[name]
    stamp = peer.folder / STAMP
    try:
        peer.folder.parent.mkdir(parents=True, exist_ok=True)
        with peer.folder.with_name(f"{peer.folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (peer.python.exists() and stamp.exists() and stamp.read_text() == peer.wanted()):
                stamp.unlink(missing_ok=True)
                run(sys.executable, "-m", "venv", "--clear", str(peer.folder))
                pip = (str(peer.python), "-m", "pip", "--quiet", "--disable-pip-version-check")
                run(*pip, "install", "--constraint", str(ROOT / peer.constraints), *peer.requirements)
                stamp.write_text(peer.wanted())
    except OSError as error:
        raise NotMade(str(error)) from error
    return peer.python


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip().splitlines()[-5:]
        raise NotMade("\n".join([f"{' '.join(command)}: exit code {done.returncode}", *last]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools.peers", description="Make the environments of the test peers.")
    known = f"of: {', '.join(PEERS)}; those of the tests when none is named"
    parser.add_argument("peers", nargs="*", metavar="PEER", help=known)
    names: list[str] = parser.parse_args().peers
    if unknown := set(names) - set(PEERS):
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    for name in names or (name for name, peer in PEERS.items() if peer.tested):
        try:
            print(make(name), flush=True)
        except NotMade as error:
            sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
