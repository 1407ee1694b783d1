"""What the archives hand to other rooms. Frozen; months are ``YYYYMM``, an empty month is an open end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime
    import uuid


def month_text(month: str) -> str:
    """``202403`` as 2024年3月; an empty month as an empty text."""
    return f"{month[:4]}年{int(month[4:6])}月" if month else ""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What an entry says: what a draft, an edit or a correction gives. Everything but ``note`` becomes public."""

    day: datetime.date  # of the event
    source_unit: str  # who visited, inspected, counted
    title: str  # at most 120 characters
    text: str  # at most 20,000 characters, plain
    note: str = ""  # internal: evidence, where the papers are
    negative: bool = False
    expires_on: datetime.date | None = None  # a negative entry must have one


@dataclass(frozen=True, kw_only=True)
class PublicPost:
    """One post of an official as published."""

    unit_name: str
    title: str
    duties: str
    from_month: str
    to_month: str

    @property
    def period(self) -> str:
        """2024年3月至今, or 2020年1月—2024年2月."""
        begin = month_text(self.from_month)
        return (
            f"{begin}—{month_text(self.to_month)}"
            if self.to_month
            else f"{begin}至今"
            if begin
            else ""
        )


@dataclass(frozen=True, kw_only=True)
class PublicOfficial:
    """An official's public facts as the latest record of the home unit says them."""

    public_id: uuid.UUID
    origin: str  # home unit's origin, for the proof
    unit_code: str  # home unit's code
    home_name: str  # home unit's name, by its own word
    is_own: bool  # home is the unit that shows the page
    name: str
    unit_name: str  # of the first current post
    title: str  # of the first current post
    duties: str
    telephone: str  # office telephone
    posts: tuple[PublicPost, ...]  # newest first
    commitment: str  # hex; the record that says so
    day: datetime.date  # of that record

    @property
    def post_text(self) -> str:
        """坪上镇党委副书记、镇长."""
        return f"{self.unit_name}{self.title}"


@dataclass(frozen=True, kw_only=True)
class PublicEntry:
    """One entry as its newest public version shows it."""

    public_id: uuid.UUID
    origin: str
    unit_code: str  # of the unit that published it
    home_name: str
    is_own: bool
    official_id: uuid.UUID | None
    official_name: str  # empty where the entry is about a unit
    unit_name: str  # the unit it is about, for example 坪上镇
    source: str  # a value of matrix.Source
    source_label: str
    source_unit: str  # who visited, inspected, counted
    day: datetime.date  # of the event
    title: str
    text: str
    negative: bool
    expires_on: datetime.date | None  # from this day on it is not shown
    version: int
    reason: str  # why this version took the place of the one before
    published_on: datetime.date  # of this version
    first_published_on: datetime.date
    commitment: str  # hex; the public record
    source_commitment: str  # hex; the internal record it was made from


@dataclass(frozen=True, kw_only=True)
class PublicReply:
    """The official's own statement beside an entry (本人说明)."""

    text: str
    day: datetime.date
    commitment: str


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One line of an entry's public history. A withdrawn entry keeps its lines and loses every text."""

    version: int
    kind: str  # published | corrected | withdrawn | erased: what happened on that day
    day: datetime.date
    reason: str
    title: str
    text: str
    commitment: str


@dataclass(frozen=True, kw_only=True)
class HandoverLine:
    """One change of home, with the two records that prove it (hex commitments)."""

    giver: str  # names of units
    taker: str
    day: datetime.date | None  # of the close, or of the order
    closed: str  # the old home's close, or the superior's order
    taken: str  # the new home's record that it holds it; empty while it is not known here
    superior: str  # who ordered it; empty for an ordinary handover
    records: int = 0  # so many public records were handed over, as the old home says
    agrees: bool | None = None  # whether this unit held the same ones then; None: not compared


@dataclass(frozen=True, kw_only=True)
class CustodyPage:
    """Where an official's archive is kept, how it came there, and whether that is contested."""

    home: str  # name of the unit
    home_origin: str
    contested: str  # a sentence; empty when nothing is contested
    settled: str  # a sentence about a contest that people here decided; empty for none
    lines: tuple[HandoverLine, ...]  # oldest first
    notices: tuple[str, ...]  # sentences: public notices that stand
    records: frozenset[str]  # every commitment above, whose proof anybody may have


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """A page about one entry; ``entry`` is None once it is withdrawn, erased or has expired."""

    public_id: uuid.UUID
    origin: str
    entry: PublicEntry | None
    withdrawn: bool
    expired: bool
    reason: str  # of the withdrawal
    history: tuple[HistoryLine, ...]  # oldest first
    replies: tuple[PublicReply, ...]
    erased: bool = False  # by a logged order


@dataclass(frozen=True, kw_only=True)
class OfficialPage:
    """An official's page: facts, and what is shown as of a day."""

    official: PublicOfficial
    as_of: datetime.date
    entries: tuple[PublicEntry, ...]  # newest event first
    replies: dict[uuid.UUID, tuple[PublicReply, ...]]  # by entry
    custody: CustodyPage | None = None  # None: it was never offered to another unit


@dataclass(frozen=True, kw_only=True)
class UnitSummary:
    """A unit whose published archives are here: ours, or one that we follow."""

    code: str
    origin: str
    name: str
    is_own: bool
    officials: int
    entries: int


@dataclass(frozen=True, kw_only=True)
class UnitPage:
    """A unit's page; ``parts`` are the names of townships and departments its officials serve in, with counts."""

    unit: UnitSummary
    part: str  # shown part, empty for the whole unit
    parts: tuple[tuple[str, int], ...]
    officials: tuple[PublicOfficial, ...]
    entries: tuple[PublicEntry, ...]


@dataclass(frozen=True, kw_only=True)
class DeskVersion:
    """One version on the desk, with what only staff see."""

    number: int
    state: str
    state_label: str
    day: datetime.date
    source_unit: str
    title: str
    text: str
    note: str  # internal: evidence, where the papers are
    negative: bool
    expires_on: datetime.date | None
    reason: str
    returned_because: str
    withdrawal_reason: str
    author: str
    reviewer: str
    published_on: datetime.date | None
    commitment: str


@dataclass(frozen=True, kw_only=True)
class DeskReply:
    """The official's statement on the desk."""

    public_id: uuid.UUID
    text: str
    day: datetime.date
    state: str
    state_label: str
    author: str
    reviewer: str
    can_publish: bool  # by the person who reads


@dataclass(frozen=True, kw_only=True)
class DeskEntry:
    """One entry on the desk; ``newest`` is the version that work goes on with."""

    public_id: uuid.UUID
    official_id: uuid.UUID | None
    official_name: str
    unit_name: str
    source: str
    source_label: str
    newest: DeskVersion
    moves: tuple[
        str, ...
    ]  # edit, submit, return, publish, correct, withdraw: what the person who reads may do
    plan_missing: str  # label of the plan item without a document, or empty


@dataclass(frozen=True, kw_only=True)
class DeskEntryPage:
    """An entry with every version and statement."""

    entry: DeskEntry
    versions: tuple[DeskVersion, ...]  # oldest first
    replies: tuple[DeskReply, ...]


@dataclass(frozen=True, kw_only=True)
class DeskPost:
    """One post on the desk."""

    id: int
    unit_name: str
    title: str
    duties: str
    from_month: str
    to_month: str
    is_public: bool


@dataclass(frozen=True, kw_only=True)
class DeskOfficial:
    """One official on the desk; ``waiting`` when facts changed since they were last reviewed."""

    public_id: uuid.UUID
    name: str
    birth_month: str  # internal; tells namesakes apart
    telephone: str
    posts: tuple[DeskPost, ...]
    waiting: bool
    published: bool
    can_publish: bool  # by the person who reads


@dataclass(frozen=True, kw_only=True)
class OfficialName:
    """An official of any unit, in a list to choose from."""

    public_id: uuid.UUID
    name: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class DeskOffer:
    """One numbered offer on the desk."""

    number: int
    giver: str  # names of units
    taker: str
    state: str  # open | accepted | closed | cancelled
    offered_on: datetime.date
    settled_on: datetime.date | None
    reason: str  # of the cancel
    offer: str  # hex
    taken: bool  # the taker's record that it holds the close is here
    may_accept: bool  # by the person who reads
    may_cancel: bool


@dataclass(frozen=True, kw_only=True)
class DeskNotice:
    """A superior's notice about a dead or frozen home, and what followed."""

    notice: str  # hex
    superior: str
    giver: str
    taker: str
    reason: str
    noticed_on: datetime.date
    due_on: datetime.date  # from this day on an order may follow
    ordered_on: datetime.date | None
    objected_on: datetime.date | None
    entered_by: str  # first of the two people, empty before
    may_enter: bool  # by the person who reads
    may_confirm: bool
    may_object: bool


@dataclass(frozen=True, kw_only=True)
class DeskHandover:
    """How an official stands between units."""

    public_id: uuid.UUID
    name: str
    home: str  # name of the unit that keeps the archive now
    is_own: bool
    contested: str  # a sentence; empty when nothing is contested
    offers: tuple[DeskOffer, ...]  # oldest first
    notices: tuple[DeskNotice, ...]
    may_offer: bool  # by the person who reads
    may_notice: bool
    targets: tuple[tuple[str, str], ...]  # origin and name of units that could take over
    waits_for_us: bool


@dataclass(frozen=True, kw_only=True)
class PlanLine:
    """One item of the publication plan, with its document or without."""

    item: str
    label: str
    basis: str
    document_number: str  # empty: nothing of this item is published
    document_title: str
    document_day: datetime.date | None
