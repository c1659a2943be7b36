"""Many small patches as few: what waits for a slow reader grows with the text, not with the tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.deltas.extension import PatchEvent, patch_event, read_event
from gateway.deltas.op import Op, PatchRefused
from generated.a2a.v1.a2a_pb import StreamResponse

MOST_OPS = 256
"""Operations from which on a patch event is not lengthened: well below what readers take."""


def coalesced(events: Iterable[StreamResponse]) -> list[StreamResponse]:
    """The same stream with neighbouring patches of one draft as one event, which says how many it covers.

    Other events stay what and where they are. A reader ends with the same drafts. No patch changes
    what it has set itself: the published Python client would show that twice.
    """
    made: list[StreamResponse] = []
    run: _Run | None = None
    for event in events:
        patch = read_event(event)
        ops = _mergeable(patch)
        if patch is None or ops is None:
            made.extend(run.events() if run else ())
            made.append(event)
            run = None
        elif run is not None and run.goes_on_with(patch, ops):
            run.take(event, patch, ops)
        else:
            made.extend(run.events() if run else ())
            run = _Run(event, patch, ops)
    made.extend(run.events() if run else ())
    return made


def _mergeable(patch: PatchEvent | None) -> list[Op] | None:
    """The operations of an event that is a patch and nothing else; a `test` guards its own list only."""
    if patch is None or not patch.bare:
        return None
    try:
        ops = patch.ops(MOST_OPS)
    except PatchRefused:
        return None
    return None if any(op.op == "test" for op in ops) else ops


_NOTHING: tuple[str, ...] = ()
"""No path starts with one of none."""


class _Run:
    """Patch events of one draft, each the next of the one before."""

    def __init__(self, event: StreamResponse, patch: PatchEvent, ops: Sequence[Op]) -> None:
        self._first = self._last = event
        self._patch = patch
        self._set = _NOTHING
        """Where values were set that a later operation of the same patch would change."""
        self._covers = 0
        self._joined = _Joined()
        self.take(event, patch, ops)

    def goes_on_with(self, patch: PatchEvent, ops: Sequence[Op]) -> bool:
        last = self._patch
        numbered = last.seq is not None and patch.seq is not None and patch.seq - patch.covers == last.seq
        return (
            last.subject == patch.subject
            and (numbered or (last.seq is None and patch.seq is None))
            and not patch.snapshot
            and not any(op.path.startswith(self._set) and op.path != "/parts/-" for op in ops)
            and len(self._joined) < MOST_OPS
        )

    def take(self, event: StreamResponse, patch: PatchEvent, ops: Sequence[Op]) -> None:
        self._last, self._patch = event, patch
        self._covers += patch.covers
        for op in ops:
            self._joined.take(op)
            if not op.path:
                self._set = ("",)
            elif op.path.startswith("/parts") and op.op != "str_ins" and not self._set:
                self._set = ("/parts",)

    def events(self) -> list[StreamResponse]:
        if self._first is self._last:
            return [self._first]
        last = self._patch
        merged = patch_event(
            last.task_id,
            last.context_id,
            last.message_id,
            self._joined.ops(),
            last.seq,
            covers=1 if last.seq is None else self._covers,
            artifact_id=last.artifact_id,
            status=last.status,
        )
        return [merged]


class _Joined:
    """Operations, the insertions among them joined where each goes on where the last one ended."""

    def __init__(self) -> None:
        self._ops: list[Op] = []
        self._texts: list[str] = []
        """What the last of them inserts, where it is an insertion."""
        self._end: int | None = None

    def __len__(self) -> int:
        return len(self._ops)

    def take(self, op: Op) -> None:
        inserts = op.op == "str_ins" and isinstance(op.value, str)
        if inserts and self._texts and self._ops[-1].path == op.path and self._end == op.pos:
            self._texts.append(str(op.value))
        else:
            self._settle()
            self._ops.append(op)
            self._texts = [str(op.value)] if inserts else []
        self._end = None if op.pos is None else op.pos + len(str(op.value))

    def ops(self) -> list[Op]:
        self._settle()
        return self._ops

    def _settle(self) -> None:
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
            self._ops[-1] = replace(self._ops[-1], value=self._texts[0])
