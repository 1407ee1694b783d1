"""Which of a log's keys may have signed a head, now and after a rotation. Pure.

While keys overlap both sign, and either is enough. A key that ended at a size proves nothing beyond it (whoever
stole it later could sign anything), and up to it only together with a countersignature from outside.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sync.errors import NoteFault
from sync.formats import notes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

LINES = 40
"""Lines under a head at most, as it is served and kept: a reader takes 64, and a log may be followed by more units than that."""

_OCTETS = 8000


@dataclass(frozen=True, kw_only=True)
class LogKeys:
    """Everything a reader knows about who signs for one log."""

    current: tuple[notes.VerifierKey, ...]
    """Keys that sign now: one, or two while they overlap."""

    former: Mapping[notes.VerifierKey, int] = field(default_factory=dict)
    """Keys that ended, each with the size of the last head it signed."""

    witnesses: tuple[notes.VerifierKey, ...] = ()
    """Witnesses of other operators than the log's own."""

    @classmethod
    def only(cls, key: notes.VerifierKey) -> LogKeys:
        """One key and nothing else."""
        return cls(current=(key,))


def open_head(octets: bytes, keys: LogKeys) -> notes.Checkpoint:
    """Read a head that the log signed with a key that counts for it.

    Raises:
        NoteFault: malformed, another origin, signed by nobody known, or only by a key that had ended.
    """
    note = notes.parse_note(octets)
    head = notes.parse_checkpoint(note.text)
    own = {key.name for key in (*keys.current, *keys.former)}
    if head.origin not in own:
        raise NoteFault(f"The checkpoint is of {head.origin!r}, not of {', '.join(sorted(own))!r}.")
    if notes.signed_by(note, keys.current):
        return head
    ended = notes.signed_by(note, keys.former)
    if not ended:
        raise NoteFault("No key that is known here signed this note.")
    last = max(keys.former[key] for key in ended)
    if head.size > last:
        raise NoteFault(
            f"Only a key that ended at size {last} signed this head of size {head.size}: it proves nothing."
        )
    if not notes.cosigned_by(note, keys.witnesses):
        raise NoteFault(
            "Only a key that has ended signed this head, and no outside witness countersigned it: it proves nothing."
        )
    return head


def own_lines(octets: bytes, keys: LogKeys) -> bytes:
    """Return a head with nothing under it but the log's own signatures that hold: what speaks of it needs no more.

    One that only keys which have ended signed keeps its outside witnesses: without any it proves nothing.

    Raises:
        NoteFault: it is no note.
    """
    note = notes.parse_note(octets)
    own = [line for line in note.signatures if _holds(note.text, line, keys.current)]
    known = [*keys.former, *keys.witnesses]
    own = own or [line for line in note.signatures if _holds(note.text, line, known)]
    return notes.Note(note.text, _once(own)[:LINES]).encode()


def bounded(octets: bytes, keys: LogKeys, witnesses: Collection[notes.VerifierKey]) -> bytes:
    """Return a head as it is kept: lines that hold come first, those of witnesses unknown here fill what room is left.

    Anybody can write lines under somebody else's head; however many, none of them may keep it from being told to others.

    Raises:
        NoteFault: it is no note.
    """
    note = notes.parse_note(octets)
    known = [*keys.current, *keys.former, *witnesses]
    places = {(key.name, key.id) for key in known}
    holding = [line for line in note.signatures if _holds(note.text, line, known)]
    unknown = [line for line in note.signatures if (line.name, line.key_id) not in places]
    kept, room = [], _OCTETS - len(note.text.encode())
    for line in _once([*holding, *unknown])[:LINES]:
        room -= len(line.line.encode())
        if room < 0:
            break
        kept.append(line)
    return notes.Note(note.text, tuple(kept)).encode()


def _holds(text: str, line: notes.Signature, keys: Sequence[notes.VerifierKey]) -> bool:
    alone = notes.Note(text, (line,))
    try:
        return bool(notes.signed_by(alone, keys) or notes.cosigned_by(alone, keys))
    except NoteFault:
        return False


def _once(lines: Iterable[notes.Signature]) -> tuple[notes.Signature, ...]:
    """Return the first line of each key."""
    return tuple({(line.name, line.key_id): line for line in reversed(list(lines))}.values())[::-1]
