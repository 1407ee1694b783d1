"""All that can be said of an answer without the database: while one is taken in, the next is judged by another thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sync import audiences
from sync.errors import RecordFault
from sync.exchange import received_rows, windows
from sync.exchange.judged import Judged
from sync.exchange.links import Links, link
from sync.kinds import kind_named
from sync.models.exchange import Received

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.exchange.windows import Answer
    from sync.formats.framing import Disclosure
    from sync.formats.records import Header


@dataclass(frozen=True, kw_only=True)
class Parties:
    """Whose records these are, by origin and number here, and who takes them in."""

    issuer: str
    issuer_id: int
    us: str


@dataclass(frozen=True, kw_only=True)
class Window:
    """An answer that held, and what becomes of its records as far as they say it themselves."""

    answer: Answer
    commitments: list[bytes]
    """The proven ones of the openings, in order."""

    headers: list[Header | None]
    """Of the openings, None where erased; fewer when one cannot be read: they end before it."""

    items: list[Judged]
    """As many as the headers."""

    links: Links

    @property
    def disclosure(self) -> Disclosure:
        """What the peer signed with this answer."""
        return self.answer.disclosure


def judge(answer: Answer, proven: bytes, between: Parties) -> Window:
    """Compare an answer with the proven leaves from where it starts to its note's size, 32 octets each, and judge its records.

    Raises:
        PeerLied: as ``windows.check_openings``.
    """
    commitments = windows.check_openings(
        answer.openings, proven, start=answer.start, stop=answer.disclosure.size
    )
    headers = windows.read_headers(answer.openings)
    items = judged(answer, commitments, headers)
    refuse_strangers(items, between)
    links = link(items)
    hold_unknown_kinds(items)
    row, held = received_rows.writer(between.issuer_id), Received.HELD
    for item in items:
        if item.state != held:
            item.row = row(item)
    return Window(answer=answer, commitments=commitments, headers=headers, items=items, links=links)


def judged(
    answer: Answer, commitments: Iterable[bytes], headers: Iterable[Header | None]
) -> list[Judged]:
    """Return what is to be judged: everything before the first header that cannot be read."""
    applied, erased = Received.APPLIED, Received.ERASED
    return [
        Judged(opening, commitment, header, erased if header is None else applied)
        for opening, commitment, header in zip(answer.openings, commitments, headers, strict=False)
    ]


def refuse_strangers(items: Iterable[Judged], between: Parties) -> None:
    """Refuse records that claim another origin or are for somebody else."""
    origin = between.issuer
    allowed = {audiences.PUBLIC, audiences.CONNECTED, audiences.for_unit(between.us)}
    for item in items:
        header = item.header
        if header is None:
            continue
        if header.origin != origin:
            item.refuse("foreign-origin", f"it says to be of {header.origin}.")
        elif header.audience not in allowed:
            item.refuse("misdirected", f"its audience is {header.audience}.")


def hold_unknown_kinds(items: Iterable[Judged]) -> None:
    """Hold records that nothing here reads."""
    known: dict[tuple[str, int], bool] = {}
    for item in items:
        if item.state != Received.APPLIED or item.header is None:
            continue
        key = (item.header.kind, item.header.schema)
        if key not in known:
            known[key] = kind_is_known(*key)
        if not known[key]:
            item.hold("unknown-kind", f"Nothing here reads {key[0]} of schema {key[1]}.")


def kind_is_known(kind: str, schema: int) -> bool:
    """Whether this version of the software reads such records."""
    try:
        return kind_named(kind).reads(schema)
    except RecordFault:
        return False
