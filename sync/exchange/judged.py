"""A received record between proof and taking in: what becomes of it, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sync.models.exchange import Received

if TYPE_CHECKING:
    from sync.formats.framing import Opening
    from sync.formats.records import Header

REFUSED_REASONS = ("foreign-origin", "misdirected", "repeated")
"""Reasons that hold back no chain: such a record never belonged to one."""


class Judged(msgspec.Struct, gc=False):
    """A proven opening and what becomes of it."""

    opening: Opening
    commitment: bytes
    header: Header | None
    state: int = Received.APPLIED
    reason: str = ""
    sentence: str = ""
    about: str = ""
    """The subject whose home it waits to learn, where that is all."""

    row: bytes = b""
    """As it will be written, where that was made already."""

    @property
    def chain(self) -> tuple[str, str]:
        """Subject and audience."""
        assert self.header is not None
        return self.header.subject, self.header.audience

    def hold(self, reason: str, sentence: str, *, about: str = "") -> None:
        """Keep it back."""
        self.state, self.reason, self.sentence, self.row = Received.HELD, reason, sentence, b""
        self.about = about

    def refuse(self, reason: str, sentence: str) -> None:
        """Never apply it."""
        self.state, self.reason, self.sentence, self.row = (
            Received.REFUSED,
            reason,
            sentence,
            b"",
        )
