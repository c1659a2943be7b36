"""Runs the callers: `python -m benchmarks.load`. Does as the lines on stdin say."""

import gc
import sys

import uvloop

from benchmarks.command import Json, commands
from benchmarks.load.session import Session
from benchmarks.load.target import Binding, Target
from benchmarks.wire.plan import Kind


class Load:
    """The session under way."""

    def __init__(self) -> None:
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            raise ValueError("there is no session; begin one")
        return self._session

    async def begin(self, command: Json) -> Json:
        target: Json = {**command["target"]}
        binding = Binding(target.pop("binding"))
        self._session = Session(Target(binding, **target))
        return {}

    async def open(self, command: Json) -> Json:
        await self.session.open(Kind(command["kind"]), command["streams"], command["events"], command["within_s"])
        return {"late": self.session.late}

    async def drain(self, command: Json) -> Json:
        return {"last_us": await self.session.drain(command["within_s"]), "late": self.session.late}

    async def calls(self, command: Json) -> Json:
        sizes = (command["lanes"], command["calls"], command["events"])
        await self.session.calls(Kind(command["kind"]), *sizes, command["within_s"])
        return {"late": self.session.late}

    async def leave(self, command: Json) -> Json:
        self.session.leave()
        return {}

    async def judge(self, command: Json) -> Json:
        session, self._session = self.session, None
        judged = session.judged()
        gc.collect()
        return judged


async def main() -> None:
    load = Load()
    verbs = {name: getattr(load, name) for name in ("begin", "open", "drain", "calls", "leave", "judge")}
    await commands(verbs)


if __name__ == "__main__":
    gc.freeze()
    gc.disable()  # what a run records lives until it is judged
    sys.exit(uvloop.run(main()))
