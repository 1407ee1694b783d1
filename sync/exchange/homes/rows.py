"""One step of a handover as it is taken in, and the rows it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from sync import ledger
from sync.errors import RecordRejected, RolledBack, SignerFault
from sync.exchange.homes import custody
from sync.exchange.incidents import incident_record
from sync.formats import handovers
from sync.models.exchange import Peer
from sync.models.handovers import Custody, Handover
from sync.refusals import PeerLied

if TYPE_CHECKING:
    import datetime

    from sync.formats.handovers import AnyStep


BEHIND = "This unit's own log is older than what it signed, or its signer is away: its own steps are not known."
"""Why steps of others wait at a unit on an old backup: it may have answered them."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One step in one log."""

    origin: str
    index: int | None
    """None: of our own log, where it has none before it is sealed."""

    commitment: str
    day: datetime.date
    step: AnyStep

    @property
    def subject(self) -> str:
        """Whom it is about."""
        return self.step.subject

    def reject(self, reason: str) -> NoReturn:
        """Hold it back: what it rests on may come later."""
        raise RecordRejected(self.commitment, reason, about=self.subject)


def history_of(subject: str) -> list[str]:
    """Return the commitments of what stands in public about a subject here, each once, in ascending order."""
    charge = custody.charge_of(subject)
    return sorted(set(charge.history(subject))) if charge is not None else []


def passage(event: Event, offer: str) -> Handover:
    """Return the offer that a step names, locked; a step whose offer is not known yet is held back."""
    found = Handover.objects.select_for_update().filter(subject=event.subject, offer=offer).first()
    if found is None:
        event.reject("The offer is not known here yet.")
    return found


def locked(event: Event) -> Custody:
    """Return the custody of the event's subject, made from what the app knows where there is none yet.

    Where nobody's facts are here the step is held back until they come: it makes nobody the home.
    """
    row = Custody.objects.select_for_update().filter(subject=event.subject).first()
    row = row or custody.begin(event.subject)
    if row is None:
        event.reject("Nothing about the subject itself is here: nobody is known to keep it.")
    return row


def contest(row: Custody, why: str) -> None:
    """Mark the subject as contested; the first reason stands."""
    if not row.contested:
        row.contested = why
        row.save(update_fields=["contested"])


def news(row: Custody) -> None:
    """Keep the home, and have what was held back tried again."""
    row.news = True
    row.save(update_fields=["news", "home"])


def is_behind() -> bool:
    """Whether this unit's own log is an older one than it signed, or nobody can say at present."""
    try:
        ledger.refuse_behind()
    except (RolledBack, SignerFault):
        return True
    return False


def void(event: Event, name: str, sentence: str) -> None:
    """Hold a step after the close against who wrote it: it changes nothing, the home had changed at the close."""
    peer = Peer.objects.filter(origin=event.origin).first()
    if peer is None:
        return
    evidence = {
        "step.json": handovers.encode(event.step),
        "commitment": event.commitment.encode(),
    }
    incident_record(peer, PeerLied(name, sentence, evidence))
