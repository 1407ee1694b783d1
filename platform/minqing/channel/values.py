"""What crosses the channel's door: frozen values, never models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime

    from minqing.workdays.calendar import Due


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One option of a list: kinds, verdicts, places."""

    value: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Township:
    """A township (or, for a city, a county) with its villages; ``villages`` may be empty."""

    code: str
    name: str
    villages: tuple[Choice, ...]


@dataclass(frozen=True, kw_only=True)
class Lodged:
    """What the reporter takes away. ``code`` is shown this once and stored nowhere."""

    number: str  # 受理编号, no secret
    code: str  # 查询码, 16 digits in fours, for example "4821 9037 5516 2204"
    day: datetime.date
    told_by: Due  # latest day on which acceptance or refusal is told
    answer_by: Due  # latest day of the answer
    acknowledgement: bytes  # signed note, to be saved as a file
    receiver: (
        str  # name of the unit that took it in; never who opens it: that would tell who is named
    )


@dataclass(frozen=True, kw_only=True)
class PhotoView:
    """A photo's shown copy."""

    id: str
    n: int


@dataclass(frozen=True, kw_only=True)
class PhotoOriginal:
    """A photo's original as it came, for the handler who opened it."""

    octets: bytes
    media_type: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class MessageView:
    """One message. ``octets`` are the words as they came; ``text`` is the shown copy with masks applied."""

    n: int
    sender: str
    sender_label: str
    purpose: str
    purpose_label: str
    octets: bytes
    text: str
    masked: bool
    commitment: str
    day: datetime.date


@dataclass(frozen=True, kw_only=True)
class StepView:
    """One step of the course."""

    state: str
    label: str
    note: str
    unit: str
    day: datetime.date


@dataclass(frozen=True, kw_only=True)
class DeadlineView:
    """One running limit. ``late``: past and not met."""

    rule: str
    task: str
    basis: str
    day: datetime.date
    provisional: bool
    met_on: datetime.date | None
    late: bool


@dataclass(frozen=True, kw_only=True)
class ReferralView:
    """The case at another unit."""

    origin: str
    name: str
    reason: str
    state: str
    label: str
    day: datetime.date
    commitment: str = ""  # hex, of the record that carries it there; staff see how far it got


@dataclass(frozen=True, kw_only=True)
class ReporterCase:
    """The reporter's view of a case, by code."""

    number: str
    state: str
    label: str
    kind_label: str
    place: str
    day: datetime.date
    receiver: str  # the unit that took it in
    told_by: DeadlineView | None
    answer_by: DeadlineView | None
    messages: tuple[MessageView, ...]
    photos: tuple[PhotoView, ...]
    steps: tuple[StepView, ...]
    referrals: tuple[ReferralView, ...]
    may_follow_up: bool
    may_rate: bool
    may_press: bool
    may_escalate: bool
    code_seen: bool
    verdict_label: str
    sealed: bool  # passed on to whoever may open it; nothing else is shown then
    proof_ready: bool
    copy_kept: bool = (
        False  # sealed at the word of another unit that handled it, after a copy was sealed here
    )


@dataclass(frozen=True, kw_only=True)
class DeskRow:
    """One line of the desk's queue."""

    number: str
    state: str
    label: str
    kind_label: str
    place: str
    day: datetime.date
    summary: str  # the beginning of the shown copy
    due: datetime.date | None  # the next limit not met
    provisional: bool
    late: bool
    pressed: bool
    escalated: bool
    from_unit: str  # name of the unit it came from; empty for our own
    referred_to: str
    behind: bool


@dataclass(frozen=True, kw_only=True)
class DeskCase:
    """A case as its handlers see it."""

    number: str
    state: str
    label: str
    kind_label: str
    way_label: str
    place: str
    day: datetime.date
    contact: str
    office: str
    returns: int
    messages: tuple[MessageView, ...]
    photos: tuple[PhotoView, ...]
    steps: tuple[StepView, ...]
    deadlines: tuple[DeadlineView, ...]
    referrals: tuple[ReferralView, ...]
    from_unit: str
    verdict_label: str
    moves: tuple[str, ...]  # names of the states this person may bring it to
    may_refer: bool
    may_seal: bool


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A unit that may open reports of the second door, as its designation document says."""

    origin: str  # empty for this unit
    code: str
    name: str
    address: str  # where its own form is; empty when only the numbers are known
    document: str
    issuer: str
    day: datetime.date
    openers: tuple[str, ...]  # "office · post" of each custodian


@dataclass(frozen=True, kw_only=True)
class OwnDesignation:
    """This unit's own designation in force."""

    document: str
    issuer: str
    day: datetime.date
    openers: tuple[str, ...]  # "office · post"


@dataclass(frozen=True, kw_only=True)
class ForeignDesignation:
    """What a connected unit published about itself, and whether it is accepted here."""

    commitment: str
    origin: str
    code: str
    name: str  # as the connection was accepted; what it calls itself only while it is not connected
    document: str
    issuer: str
    day: datetime.date
    openers: tuple[str, ...]
    connected: bool
    superior: bool
    accepted_on: datetime.date | None
    accepted_by: str  # empty when done on the host's command line


@dataclass(frozen=True, kw_only=True)
class SecondDoor:
    """What stands behind the second door: always the numbers; receivers only where designated."""

    numbers: tuple[Choice, ...]
    receivers: tuple[Receiver, ...]


@dataclass(frozen=True, kw_only=True)
class SealedLodged:
    """What the reporter of a sealed report takes away: a code and nothing else."""

    code: str
    day: datetime.date
    openers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SealedState:
    """What a sealed report's code shows: that it is there, and how often it was opened. No words."""

    day: datetime.date
    openers: int
    openings: int


@dataclass(frozen=True, kw_only=True)
class SealedRow:
    """One sealed report on its custodian's list."""

    id: str
    day: datetime.date
    opened_by_me: int
    opened_by_others: int


@dataclass(frozen=True, kw_only=True)
class Unopened:
    """What a unit lacks so that every report finds a reader, and how many wait for that."""

    cases: int  # name every supervisor; nobody above and no custodian has them
    copies: int  # sealed at another unit's word, and no custodian yet
    lacks_superior: bool
    lacks_custodians: bool

    @property
    def total(self) -> int:
        """All that wait."""
        return self.cases + self.copies


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Counts for the public page, of days that have ended."""

    until: datetime.date
    accepted: int
    answered: int
    in_time: int
    satisfied: int
    basically: int
    unsatisfied: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """How many cases of one sort are on somebody's desk, and how many of them are past a limit."""

    name: str  # the state's or kind's value, the place's code; empty for what is put together
    label: str
    cases: int
    late: int


@dataclass(frozen=True, kw_only=True)
class Period:
    """What happened to this unit's own reports in a month, or in all of them together."""

    first: datetime.date | None  # of the month; None for the sum
    accepted: int
    answered: int
    in_time: int
    returned: int
    reopened: int
    timed: int  # first answers whose days are known
    half_within: int | None  # days within which half of those came; None where they are too few
    rated: int
    satisfied: int | None  # None where ratings are too few
    basically: int | None
    unsatisfied: int | None


@dataclass(frozen=True, kw_only=True)
class DeskFigures:
    """The supervisors' figures; the same for whoever may see them."""

    total: Work
    states: tuple[Work, ...]
    places: tuple[Work, ...]  # empty where all of them together are too few
    kinds: tuple[Work, ...]
    until: datetime.date  # the last day that the months hold
    months: tuple[Period, ...]  # the newest first; those in which nothing happened are left out
    year: Period
