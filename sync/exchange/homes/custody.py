"""Who keeps a subject: what an app registers for its subjects, and what anybody may ask.

A subject (``official:<uuid>``) that nobody ever offered has no row here and costs nothing: who issued it first keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sync.errors import PolicyFault
from sync.exchange import region
from sync.formats import first_homes, handovers
from sync.models.exchange import Incident, Quarantine, Received
from sync.models.handovers import Custody, Handover, Reassignment, Superior, Tenure
from sync.refusals import PeerFault

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Sequence

CONTESTED = (
    "two-offers", "settled-twice", "accept-differs", "two-orders", "objected", "order-after-close", "forked", "late-records",
)  # fmt: skip
"""Why people must decide. The last two are not stored: they hold while an incident is open or such records are here."""


class Charge(Protocol):
    """What an app does for subjects of its noun."""

    noun: str

    def first_home(self, subject: str) -> str:
        """Return the origin that issued the subject first as far as this unit knows; empty for nobody.

        Where the subject's id says in which log it began (``first_homes``), no other is named.
        """

    def history(self, subject: str) -> list[str]:
        """Return the commitments of what the home (or homes) made public about the subject and still stands."""

    def moved(self, subject: str, giver: str, taker: str) -> None:
        """The home is another now: change own rows if this unit is one of the two."""

    def changed(self, subject: str) -> None:
        """Whatever is shown about the subject's custody may be different now."""


_charges: dict[str, Charge] = {}


def register_charge(charge: Charge) -> None:
    """Make an app responsible for the subjects of a noun."""
    _charges.setdefault(charge.noun, charge)


def charge_of(subject: str) -> Charge | None:
    """Return who is responsible for a subject here; None where nobody is."""
    return _charges.get(subject.partition(":")[0])


@dataclass(frozen=True, kw_only=True)
class Passage:
    """One offer and what became of it."""

    number: int
    giver: str
    taker: str
    state: str
    """``open``, ``accepted``, ``closed`` or ``cancelled``."""

    offer: str
    offered_on: datetime.date
    accept: str
    settled: str
    """Commitment of the close or the cancel."""

    settled_on: datetime.date | None
    reason: str
    taken: str
    """Commitment of the taker's own record that says it holds the close; empty: not known here yet."""

    records: int
    """So many public records were handed over, as the giver says."""

    agrees: bool | None
    """Whether that is what this unit held then; None: not closed, or not compared."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """A superior's notice about a dead or frozen home, and the order that followed."""

    superior: str
    giver: str
    taker: str
    reason: str
    size: int
    notice: str
    noticed_on: datetime.date
    order: str
    ordered_on: datetime.date | None
    objection: str
    objected_on: datetime.date | None
    taken: str
    late_known: int
    """So many records of the old home above ``size`` people here knew of when they settled a contest."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a subject is kept, how it came there, and whether that is contested."""

    subject: str
    home: str
    contested: str
    """One of ``CONTESTED``, or empty."""

    passages: tuple[Passage, ...]
    """Oldest first."""

    rulings: tuple[Ruling, ...]
    settled_on: datetime.date | None = None
    settled_for: str = ""
    settled_why: str = ""
    """Of the last contest that people here decided."""

    @property
    def homes(self) -> tuple[str, ...]:
        """Every log that kept it and may be quoted for it, the first one first."""
        moved = [p.taker for p in self.passages if p.state == "closed"]
        ordered = [ruling.taker for ruling in self.rulings if ruling.order]
        givers = [p.giver for p in self.passages] + [ruling.giver for ruling in self.rulings]
        return tuple(dict.fromkeys([*givers[:1], *moved, *ordered, self.home]))


def watched() -> frozenset[str]:
    """Return every subject that was ever offered, as far as this unit knows: for all others who issued it keeps it."""
    return frozenset(Custody.objects.values_list("subject", flat=True)) | frozenset(
        Tenure.objects.values_list("subject", flat=True)
    )


def may_issue(subject: str, origin: str, index: int) -> str:
    """Say whether a record at an index of a log may speak for a subject: empty, or why not.

    ``waits``: the log may keep the subject, but the proof is not here yet; ``after``: it kept it once, up to a smaller index;
    ``before``: it issued before it held the close.
    """
    rows = [row for row in Tenure.objects.filter(subject=subject) if row.origin == origin]
    known = Custody.objects.filter(subject=subject).exists()
    if not known and not rows:
        return "" if first_homes.may_begin(subject, origin) else "waits"
    fits = [row for row in rows if row.after < index and (row.until is None or index <= row.until)]
    if any(row.proven for row in fits):
        return ""
    if fits or not rows:
        return "waits"
    return "before" if all(index <= row.after for row in rows) else "after"


def begin(subject: str) -> Custody | None:
    """Make the row of a subject that is offered or named in a notice for the first time; None while nobody's facts are here.

    Whoever offers is never taken for the home because it offers.
    """
    charge = charge_of(subject)
    first = charge.first_home(subject) if charge is not None else ""
    if not first:
        return None
    row = Custody.objects.create(subject=subject, home=first)
    Tenure.objects.create(subject=subject, origin=first)
    return row


def facts_came(subjects: Iterable[str]) -> None:
    """Facts of these subjects were taken in: steps that waited to learn who keeps them are tried again by the sweep."""
    chains = [handovers.subject_of(subject) for subject in subjects]
    held = Quarantine.objects.filter(kind=handovers.KIND, reason="rejected", subject__in=chains)
    for chain in set(held.values_list("subject", flat=True)):
        subject = handovers.about(chain)
        known = Custody.objects.filter(subject=subject).exists()
        row = None if known else begin(subject)
        if row is not None:
            row.news = True
            row.save(update_fields=["news"])


def home_of(subject: str) -> str:
    """Return the origin of a subject's home; empty when nobody ever issued it."""
    row = Custody.objects.filter(subject=subject).first()
    charge = charge_of(subject)
    return row.home if row is not None else charge.first_home(subject) if charge else ""


def standing(subject: str) -> Standing | None:
    """Return how things stand with a subject; None when nobody ever offered it and no notice was given."""
    return next(iter(standings([subject])), None)


def standings(subjects: Iterable[str] | None = None) -> list[Standing]:
    """Return how things stand with these subjects, or with every one that was ever offered."""
    rows = (
        Custody.objects.all() if subjects is None else Custody.objects.filter(subject__in=subjects)
    )
    custodies = list(rows)
    names = [row.subject for row in custodies]
    taken = {
        (row.subject, row.cites): row.taken
        for row in Tenure.objects.filter(subject__in=names).exclude(taken="")
    }
    passages: dict[str, list[Passage]] = {}
    for row in Handover.objects.filter(subject__in=names):
        passages.setdefault(row.subject, []).append(
            _passage(row, taken.get((row.subject, row.settled), ""))
        )
    rulings: dict[str, list[Ruling]] = {}
    for ruling in Reassignment.objects.filter(subject__in=names):
        rulings.setdefault(ruling.subject, []).append(
            _ruling(ruling, taken.get((ruling.subject, ruling.order), ""))
        )
    return [
        Standing(
            subject=row.subject,
            home=row.home,
            contested=row.contested
            or _contested_now(row, passages.get(row.subject, []), rulings.get(row.subject, [])),
            passages=tuple(passages.get(row.subject, [])),
            rulings=tuple(rulings.get(row.subject, [])),
            settled_on=row.settled_on,
            settled_for=row.settled_for,
            settled_why=row.settled_why,
        )
        for row in custodies
    ]


def _contested_now(row: Custody, passages: Sequence[Passage], rulings: Sequence[Ruling]) -> str:
    """A fork of a log that gave the subject away leaves two histories of the handover until people settled it.

    Where a superior's order took the subject from that log, its word has counted no more since.
    """
    givers = {p.giver for p in passages} | ({row.home} if passages else set())
    givers -= {ruling.giver for ruling in rulings if ruling.order and ruling.giver != row.home}
    if Incident.objects.filter(peer__origin__in=givers, name="forked", settled_on=None).exists():
        return "forked"
    for ruling in rulings:
        late = ruling.order and late_records(row.subject, ruling.giver, ruling.size)
        if late and late > ruling.late_known:
            return "late-records"
    return ""


def late_records(subject: str, giver: str, size: int) -> int:
    """Return how many records about a subject its old home wrote above the size that an order left it."""
    return Received.objects.filter(peer__origin=giver, index__gte=size, subject=subject).count()


def _passage(row: Handover, taken: str) -> Passage:
    return Passage(
        number=row.number, giver=row.giver, taker=row.taker, state=row.state, offer=row.offer, offered_on=row.offered_on,
        accept=row.accept, settled=row.settled, settled_on=row.settled_on, reason=row.reason, taken=taken, records=row.records, agrees=row.agrees,
    )  # fmt: skip


def _ruling(row: Reassignment, taken: str) -> Ruling:
    return Ruling(
        superior=row.superior, giver=row.giver, taker=row.taker, reason=row.reason, size=row.size, notice=row.notice,
        noticed_on=row.noticed_on, order=row.order, ordered_on=row.ordered_on, objection=row.objection,
        objected_on=row.objected_on, taken=taken, late_known=row.late_known,
    )  # fmt: skip


# --- the directory -----------------------------------------------------------------------------


def superior_set(unit: str, superior: str) -> None:
    """Enter the directory's line for a unit: whose order counts when that unit is dead or frozen.

    Raises:
        PeerFault: a unit cannot be its own superior.
    """
    if unit == superior:
        raise PeerFault("A unit is not its own superior.")
    Superior.objects.update_or_create(unit=unit, defaults={"superior": superior})


def superior_of(unit: str) -> str:
    """Return the origin that the directory names superior to a unit; empty for none.

    The directory is the region's signed policy in force here, unless an operator entered a line of its own for the unit.
    """
    entered = Superior.objects.filter(unit=unit).values_list("superior", flat=True).first()
    if entered:
        return entered
    region_name, members = _region()
    return region_name if unit in members and unit != region_name else ""


def units_below(superior: str) -> list[str]:
    """Return the origins of the units that the directory puts directly below one."""
    entered = dict(Superior.objects.values_list("unit", "superior"))
    region_name, members = _region()
    named = {unit: region_name for unit in members if unit != region_name}
    return sorted(unit for unit, above in (named | entered).items() if above == superior)


def _region() -> tuple[str, frozenset[str]]:
    """The publisher of the policy in force, and the logs it names; an ended or doubtful policy names nobody."""
    try:
        found = region.current()
    except PolicyFault:
        found = None
    if found is None:
        return "", frozenset()
    named = {key.name for key in found.policy.logs} | set(found.policy.successors)
    return found.region, frozenset(named)
