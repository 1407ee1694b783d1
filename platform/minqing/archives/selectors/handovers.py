"""What the desk shows of handovers: every official that was ever offered, noticed or ordered, and what may be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import custody
from minqing.archives.errors import NotInArchive
from minqing.archives.models import Official, OrderEntry, PublicOfficialRow
from minqing.archives.selectors.custody import contested_sentence, unit_names
from minqing.archives.values import DeskHandover, DeskNotice, DeskOffer, OfficialName
from sync import identity
from sync.exchange.homes import custody as custodies
from sync.exchange.homes.handing import due_on
from sync.exchange.peers import reachable_units

if TYPE_CHECKING:
    import uuid

    from sync.exchange.homes.custody import Passage, Ruling, Standing

READERS = (Role.CLERK, Role.REVIEWER, Role.SUPERVISOR)
LISTED = 300


def desk_handovers(by: Staff) -> list[DeskHandover]:
    """Every official whose home was ever in question here; what waits for us first.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
    """
    staff = require(by, *READERS)
    found = [_line(stands, staff) for stands in custodies.standings()]
    lines = [line for line in found if line is not None]
    return sorted(lines, key=lambda line: (not line.waits_for_us, line.name))


def desk_handover(by: Staff, public_id: uuid.UUID) -> DeskHandover:
    """One official, ours or another unit's, as far as handing over goes.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
        NotInArchive: nobody of that id is known here.
    """
    staff = require(by, *READERS)
    subject = custody.subject(public_id)
    stands = custodies.standing(subject)
    home = stands.home if stands is not None else custodies.home_of(subject)
    if not home:
        raise NotInArchive
    line = _line(
        stands
        or custodies.Standing(subject=subject, home=home, contested="", passages=(), rulings=()),
        staff,
    )
    if line is None:
        raise NotInArchive
    return line


def officials_below(by: Staff) -> list[OfficialName]:
    """Officials of units that the directory puts below us: whom a notice may be about.

    Raises:
        NotAllowed: ``by`` neither writes, reviews nor supervises.
    """
    require(by, *READERS)
    below = custodies.units_below(identity.origin())
    rows = PublicOfficialRow.objects.filter(home__in=below, is_withdrawn=False, is_former=False)
    return [
        OfficialName(public_id=row.official_id, name=row.name, unit=row.home_name)
        for row in rows[:LISTED]
    ]


def _line(stands: Standing, staff: Staff) -> DeskHandover | None:
    public_id = custody.id_of(stands.subject)
    if public_id is None:
        return None
    own = identity.origin()
    names = unit_names(
        {
            stands.home,
            *(origin for p in stands.passages for origin in (p.giver, p.taker)),
            *(o for r in stands.rulings for o in (r.giver, r.taker, r.superior)),
        }
    )
    may_act = staff.has_role(Role.SUPERVISOR)
    offers = tuple(_offer(p, names, own, may_act=may_act) for p in stands.passages)
    notices = tuple(_notice(r, names, own, staff) for r in stands.rulings)
    below = custodies.superior_of(stands.home) == own
    open_here = any(offer.state in {"open", "accepted"} for offer in offers)
    return DeskHandover(
        public_id=public_id,
        name=_name(public_id),
        home=names[stands.home],
        is_own=stands.home == own,
        contested=contested_sentence(stands.contested),
        offers=offers,
        notices=notices,
        may_offer=may_act and stands.home == own and not open_here and not stands.contested,
        may_notice=may_act and below and not any(not r.objection for r in stands.rulings),
        targets=tuple((u.origin, u.name) for u in reachable_units() if u.origin != stands.home),
        waits_for_us=any(o.may_accept for o in offers) or any(n.may_object for n in notices),
    )


def _name(public_id: uuid.UUID) -> str:
    official = Official.objects.filter(public_id=public_id).first()
    if official is not None:
        return official.name
    row = PublicOfficialRow.objects.filter(official_id=public_id).exclude(name="").first()
    return row.name if row is not None else str(public_id)


def _offer(passage: Passage, names: dict[str, str], own: str, *, may_act: bool) -> DeskOffer:
    return DeskOffer(
        number=passage.number, giver=names[passage.giver], taker=names[passage.taker], state=passage.state,
        offered_on=passage.offered_on, settled_on=passage.settled_on, reason=passage.reason, offer=passage.offer,
        taken=bool(passage.taken),
        may_accept=may_act and passage.taker == own and passage.state == "open",
        may_cancel=may_act and passage.giver == own and passage.state in {"open", "accepted"},
    )  # fmt: skip


def _notice(ruling: Ruling, names: dict[str, str], own: str, staff: Staff) -> DeskNotice:
    entry = OrderEntry.objects.select_related("entered_by").filter(notice=ruling.notice).first()
    may_act = staff.has_role(Role.SUPERVISOR)
    ours = may_act and ruling.superior == own and not ruling.order and not ruling.objection
    return DeskNotice(
        notice=ruling.notice, superior=names[ruling.superior], giver=names[ruling.giver], taker=names[ruling.taker],
        reason=ruling.reason, noticed_on=ruling.noticed_on, due_on=due_on(ruling.noticed_on), ordered_on=ruling.ordered_on,
        objected_on=ruling.objected_on, entered_by=entry.entered_by.name if entry else "",
        may_enter=ours and entry is None,
        may_confirm=ours and entry is not None and entry.entered_by_id != staff.pk,
        may_object=may_act and ruling.giver == own and not ruling.objection,
    )  # fmt: skip
