"""What changed between two wordings, for the version history."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

LONGEST = 4000
"""Characters up to which single characters are compared; longer texts are compared by line, and texts of more lines than
that as two blocks: the comparison costs the square of what it compares, and the page waits for it."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of text that stayed, went, or came."""

    kind: Literal["same", "gone", "new"]
    text: str


def differences(before: str, after: str) -> tuple[Piece, ...]:
    """Pieces whose ``same`` and ``new`` texts make ``after``, and whose ``same`` and ``gone`` texts make ``before``."""
    by_line = len(before) + len(after) > LONGEST
    old = before.splitlines(keepends=True) if by_line else list(before)
    new = after.splitlines(keepends=True) if by_line else list(after)
    if len(old) + len(new) > LONGEST:
        old, new = [before], [after]
    pieces = []
    for tag, from_old, to_old, from_new, to_new in SequenceMatcher(
        a=old, b=new, autojunk=False
    ).get_opcodes():
        gone, came = "".join(old[from_old:to_old]), "".join(new[from_new:to_new])
        if tag == "equal":
            pieces.append(Piece(kind="same", text=came))
            continue
        if gone:
            pieces.append(Piece(kind="gone", text=gone))
        if came:
            pieces.append(Piece(kind="new", text=came))
    return tuple(pieces)
