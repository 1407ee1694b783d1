"""Handing a case to another connected unit: the original octets unchanged, as a record of ours for that unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.channel.errors import MoveRefused, NoReceiver
from minqing.channel.evidence import Original, original_of
from minqing.channel.frames import MEDIA_TYPE, frame_encode
from minqing.channel.models import Attachment, Case, Message, Purpose, Referral, Sender
from minqing.channel.octets import check_note
from minqing.channel.originals import resealed
from minqing.channel.selectors.desk import case_locked
from minqing.channel.services.moves import move, step_add
from minqing.channel.services.records import record_for
from minqing.channel.states import ANSWER_RULE, OPEN, State, may_move
from minqing.channel.travelling import MessageDetails, PhotoDetails, ReferralDetails
from sync.exchange.peers import reachable_units
from sync.models.exchange import Peer

if TYPE_CHECKING:
    from minqing.accounts.models import Staff
    from sync.exchange.standing import PeerUnit


def reachable(*, code: str = "", origin: str = "") -> PeerUnit | None:
    """Return a connected unit by its code or its origin; None too where two logs speak under one code: people decide."""
    found = [unit for unit in reachable_units() if unit.code == code or unit.origin == origin]
    return found[0] if len(found) == 1 else None


def case_refer(*, by: Staff, number: str, origin: str, reason: str) -> None:
    """Hand a case to another unit for handling. This unit stays responsible to the reporter (首接负责).

    Raises:
        NotAllowed, UnknownCase: not theirs to handle.
        FormFault, TooLarge: the reason cannot be kept as it is.
        NoReceiver: the unit is not connected.
        MoveRefused: it has the case already, or nothing is owed any more.
    """
    by = require(by, Role.HANDLER, Role.SUPERVISOR)
    reason = check_note(reason)
    with transaction.atomic():
        case = case_locked(by, number)
        unit = reachable(origin=origin)
        if unit is None:
            raise NoReceiver(_("这个单位还没有与本单位接通，不能转送。"))
        if (
            case.state not in OPEN
            or origin == case.source
            or case.referrals.filter(origin=origin).exclude(state=State.RETURNED).exists()
        ):
            raise MoveRefused(_("这件事已经在那个单位，或者已有答复，不能再转送。"))
        for state in (State.RECEIVED, State.ACCEPTED, State.IN_PROGRESS):
            if may_move(case.state, state):
                move(case, state, by=by)
        case.referrals.filter(origin=origin).delete()
        refer_locked(case, unit, reason=reason, passed_up=False)
        step_add(
            case,
            case.state,
            note=_("转送 %(name)s：%(reason)s") % {"name": unit.name, "reason": reason},
            by=by,
        )


def refer_locked(case: Case, unit: PeerUnit, *, reason: str, passed_up: bool) -> None:
    """Append what the other unit needs: words, later words, photos sealed to its key. The case is locked by the caller."""
    messages = list(case.messages.filter(sender=Sender.CITIZEN))
    first = messages[0]
    limit = case.deadlines.filter(rule=ANSWER_RULE).first()
    details = ReferralDetails(
        kind=case.kind, place=case.where, way=case.way, day=case.day.isoformat(), reason=reason,
        answer_by=limit.day.isoformat() if limit is not None else "", passed_up=passed_up, original=_original(first),
    )  # fmt: skip
    commitment = record_for(
        unit.origin,
        "channel.referral",
        case.subject,
        frame_encode(details, bytes(first.octets)),
        MEDIA_TYPE,
    )
    for photo in case.attachments.all():
        photo_refer(case, photo, unit.origin)
    for message in messages[1:]:
        more = MessageDetails(
            about=case.subject, purpose=Purpose.FOLLOW_UP, day=message.day.isoformat()
        )
        record_for(
            unit.origin,
            "channel.message",
            case.subject,
            frame_encode(more, bytes(message.octets)),
            MEDIA_TYPE,
        )
    Referral.objects.create(
        case=case,
        origin=unit.origin,
        name=unit.name,
        reason=reason,
        day=timezone.localdate(),
        commitment=commitment,
    )


def photo_refer(case: Case, photo: Attachment, origin: str) -> None:
    """Append one photo for another unit: its original sealed anew, to that unit's box key, under the same digest."""
    about = PhotoDetails(about=case.subject, media_type=photo.media_type, digest=photo.digest)
    box_key = Peer.objects.get(origin=origin).box_key
    box = resealed(bytes(photo.original), photo.digest, box_key)
    record_for(origin, "channel.attachment", case.subject, frame_encode(about, box), MEDIA_TYPE)


def _original(message: Message) -> Original:
    if (
        message.header is not None and message.salt is not None
    ):  # came from another unit with its evidence
        return Original(
            commitment=message.commitment, header=bytes(message.header), salt=bytes(message.salt)
        )
    original = original_of(message.commitment)
    if original is None:
        raise MoveRefused(_("这件事的存证已经删除，不能再转送。"))
    return original
