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
    from collections.abc import Mapping


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
