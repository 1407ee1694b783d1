"""The channel's record kinds, and what is done with those that other units send.

A peer may speak only of cases that it handed to us or that we handed to it; anything else is refused and
kept as evidence. Handlers are idempotent: a case by its source, everything else by its commitment.
"""

from __future__ import annotations

import datetime
import uuid
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.channel import roster
from minqing.channel.designations import apply_designations
from minqing.channel.errors import ChannelFault
from minqing.channel.frames import FrameFault, details_decode, frame_decode
from minqing.channel.models import (
    Attachment,
    Case,
    Deadline,
    Kind,
    Message,
    Purpose,
    Rating,
    Referral,
    Sender,
    Step,
    Verdict,
    Way,
)
from minqing.channel.octets import check_words
from minqing.channel.originals import opened
from minqing.channel.parcels import apply_parcels
from minqing.channel.photos import MAX_PHOTOS, photo_read
from minqing.channel.services.forgetting import case_emptied, case_erased
from minqing.channel.services.keeping import case_kept
from minqing.channel.services.lodging import case_made
from minqing.channel.services.moves import (
    message_hand_on,
    message_keep,
    move,
    status_tell,
    step_add,
)
from minqing.channel.services.passing_up import came_back, kept_from_desk, seen_here
from minqing.channel.services.referring import photo_refer, reachable
from minqing.channel.slots import slot_day
from minqing.channel.states import (
    ANSWER_RULE,
    MAX_RETURNS,
    RETURN_RULE,
    TELL_FORWARDED_RULE,
    State,
    may_move,
)
from minqing.channel.travelling import MessageDetails, PhotoDetails, ReferralDetails, Status
from minqing.workdays.calendar import due
from sync.errors import RecordRejected
from sync.kinds import RecordKind, register_kind
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.kinds import ReceivedRecord


def kinds_register() -> None:
    """Make the channel's kinds known. All but the designation wait for the slot."""
    for name in ("words", "details", "photo", "answer", "mask"):
        register_kind(RecordKind(name=f"channel.{name}", slotted=True))
    register_kind(RecordKind(name="channel.referral", slotted=True, apply=apply_referrals))
    register_kind(RecordKind(name="channel.message", slotted=True, apply=apply_messages))
    register_kind(RecordKind(name="channel.attachment", slotted=True, apply=apply_attachments))
    register_kind(RecordKind(name="channel.status", slotted=True, apply=apply_statuses))
    register_kind(RecordKind(name="channel.parcel", slotted=True, apply=apply_parcels))
    register_kind(RecordKind(name="channel.designation", apply=apply_designations))


# --- a case comes to us -------------------------------------------------------------------------


def apply_referrals(records: Sequence[ReceivedRecord]) -> None:
    """Make a case of each referral, with the same octets, after checking them against the receipt's commitment."""
    for record in records:
        try:
            details, words = frame_decode(record.body, ReferralDetails)
            check_words(words)
            day = datetime.date.fromisoformat(details.day)
            answer_by = (
                datetime.date.fromisoformat(details.answer_by) if details.answer_by else None
            )
        except (FrameFault, ChannelFault, ValueError) as error:
            raise RecordRejected(record.commitment, f"not a referral: {error}") from error
        if not details.original.fits(words):
            raise RecordRejected(
                record.commitment, "the words are not those of the receipt's commitment"
            )
        case = (
            Case.objects.select_for_update(of=("self",))
            .filter(source=record.origin, source_subject=record.header.subject)
            .first()
        )
        if case is None:
            _case_received(record, details, words, day, answer_by)
        elif not case.steps.filter(commitment=record.commitment).exists():
            _case_came_again(case, record, details)


def _case_received(
    record: ReceivedRecord,
    details: ReferralDetails,
    words: bytes,
    day: datetime.date,
    answer_by: datetime.date | None,
) -> None:
    case = case_made(
        day=day, kind=details.kind if details.kind in Kind.values else Kind.UNSURE, way=Way.PEER, place_text=details.place[:200],
        source=record.origin, source_subject=record.header.subject, from_below=details.passed_up,
    )  # fmt: skip
    Message.objects.create(
        case=case, n=0, sender=Sender.CITIZEN, purpose=Purpose.REPORT, octets=words, commitment=details.original.commitment,
        header=details.original.header, salt=details.original.salt, day=day,
    )  # fmt: skip
    for rule in (TELL_FORWARDED_RULE, RETURN_RULE):
        limit = due(slot_day(), rule)
        Deadline.objects.create(case=case, rule=rule, day=limit.day, provisional=limit.provisional)
    if answer_by is not None:
        Deadline.objects.create(case=case, rule=ANSWER_RULE, day=answer_by)
    step_add(case, State.RECEIVED, note=details.reason)
    _mark(case, record)
    if roster.someone_here_is_named(words):
        _kept_from_this_desk(case)


def _case_came_again(case: Case, record: ReceivedRecord, details: ReferralDetails) -> None:
    """The first receiver hands over once more what was sent back: it waits here again, or is sent back again."""
    if case.state == State.RETURNED:
        then = State.RULED if case.returns >= MAX_RETURNS else State.RECEIVED
        unit = _name_of(case, record)
        move(case, then, note=details.reason, unit=unit, told_by=record.origin)
        _mark(case, record)
    elif case.state == State.SEALED:
        status_tell(case, case.source, state=State.RETURNED, note=_not_here())
        step_add(case, State.SEALED)
        _mark(case, record)


def _not_here() -> str:
    """What the first receiver and its reporter read of a case that goes back by itself.

    It must be true and the same whoever is named: neither whether somebody opened it nor why it is not handled here.
    """
    return _("这件事不由本单位承办，请另行安排")


def _kept_from_this_desk(case: Case) -> None:
    """The words name someone of this unit's chain: opened above, or, where they came from above, sent back unopened."""
    parent = current_unit().parent
    superior = reachable(code=parent.code) if parent is not None else None
    if superior is not None and superior.origin == case.source:
        _sent_back(case)
        return
    kept_from_desk(case)
    _sent_back_unseen(case)


def _sent_back_unseen(case: Case) -> None:
    """What a unit handed to us and nobody here may open goes back to it; what came over its head waits here instead."""
    waits = case.kept_from is not None and not case.superior
    if waits and not case.from_below and not seen_here(case):
        _sent_back(case)


def _sent_back(case: Case) -> None:
    status_tell(case, case.source, state=State.RETURNED, note=_not_here())
    case_emptied(case)


def apply_attachments(records: Sequence[ReceivedRecord]) -> None:
    """Add photos to the cases they belong to; the original comes sealed to this unit, the shown copy is made here."""
    for record in records:
        try:
            details, box = frame_decode(record.body, PhotoDetails)
            photo = photo_read(opened(box, details.digest))
        except (FrameFault, ChannelFault) as error:
            raise RecordRejected(record.commitment, f"not a photo of a case: {error}") from error
        case = Case.objects.filter(source=record.origin, source_subject=details.about).first()
        if case is None:
            raise RecordRejected(record.commitment, "the case was not handed to this unit")
        if case.attachments.exclude(commitment=record.commitment).count() >= MAX_PHOTOS:
            raise RecordRejected(record.commitment, "the case has all the photos that it may have")
        if (
            case.state != State.SEALED
            and not case.attachments.filter(commitment=record.commitment).exists()
        ):
            kept = Attachment.objects.create(
                case=case, n=case.attachments.count(), original=box, digest=details.digest, shown=photo.shown,
                media_type=photo.media_type, commitment=record.commitment,
            )  # fmt: skip
            if case.superior:  # opened only there: what comes after the words follows them
                photo_refer(case, kept, case.superior)


# --- a case we share ----------------------------------------------------------------------------


def apply_messages(records: Sequence[ReceivedRecord]) -> None:
    """Add words: the reporter's, from the first receiver; answers and questions, from a unit we handed the case to."""
    for record in records:
        try:
            details, octets = frame_decode(record.body, MessageDetails)
            check_words(octets)
            day = datetime.date.fromisoformat(details.day)
        except (FrameFault, ChannelFault, ValueError) as error:
            raise RecordRejected(record.commitment, f"not a message: {error}") from error
        case, from_source = _shared_case(record, details.about)
        if (
            case.state == State.SEALED
            or case.messages.filter(commitment=record.commitment).exists()
        ):
            continue
        purposes = {Purpose.FOLLOW_UP} if from_source else {Purpose.ANSWER, Purpose.QUESTION}
        if details.purpose not in purposes:
            raise RecordRejected(
                record.commitment,
                f"the sender may not send messages of purpose {details.purpose!r}",
            )
        sender = Sender.CITIZEN if from_source else Sender.STAFF
        message_keep(case, sender, details.purpose, octets, record.commitment, day)
        message_hand_on(case, sender, Purpose(details.purpose), octets, told_by=record.origin)
        if from_source:
            kept_from_desk(case)
            _sent_back_unseen(case)
        elif details.purpose == Purpose.ANSWER:
            _answered(case, record)


def apply_statuses(records: Sequence[ReceivedRecord]) -> None:
    """Take in where a shared case stands at the other unit.

    No word of another unit destroys the report: what it says is sealed is first kept, sealed, by whoever has the case
    from its reporter or got it over the first receiver's head. A unit that only handles it lets go at its first
    receiver's word, which answers for it.
    """
    for record in records:
        try:
            status = details_decode(record.body, Status)
            state = State(status.state)
        except (FrameFault, ValueError) as error:
            raise RecordRejected(record.commitment, f"not a status: {error}") from error
        case, from_source = _shared_case(record, status.about)
        if case.state == State.SEALED or case.steps.filter(commitment=record.commitment).exists():
            continue
        if state is State.SEALED:
            if case.from_below or not from_source:
                _copy_kept(case, record)
            case_erased(case, told_by=record.origin)
        elif from_source:
            _told_by_source(case, record, status, state)
        else:
            _told_by_handler(case, record, status, state)


def _told_by_source(case: Case, record: ReceivedRecord, status: Status, state: State) -> None:
    """The first receiver passes on what only the reporter can say: a rating, a reopening, that it presses."""
    if status.pressed:
        case.pressed_on = timezone.localdate()
        case.save(update_fields=["pressed_on"])
    if status.verdict in Verdict.values:
        answers = case.messages.filter(purpose=Purpose.ANSWER).count()
        Rating.objects.get_or_create(
            case=case,
            round=answers,
            defaults={"verdict": status.verdict, "day": timezone.localdate()},
        )
    if state in {State.RATED, State.REOPENED, State.CLOSED} and may_move(case.state, state):
        move(case, state, note=status.note, unit=_name_of(case, record), told_by=record.origin)
        _mark(case, record)
    else:
        step_add(case, case.state, note=status.note, unit=_name_of(case, record))
        _mark(case, record)


def _copy_kept(case: Case, record: ReceivedRecord) -> None:
    try:
        case_kept(case, told_by=record.origin)
    except ChannelFault as error:
        raise RecordRejected(
            record.commitment, f"the case cannot be sealed here, so it stays: {error}"
        ) from error


_REPORTERS = {State.RATED, State.REOPENED}
"""What only the reporter brings about, and only the first receiver can tell."""


def _told_by_handler(case: Case, record: ReceivedRecord, status: Status, state: State) -> None:
    """A unit that handles the case moved it: the reporter reads it.

    Only the unit above, where it alone opens the case, moves it here by its word; that a case is answered is told by
    the answer itself (``_answered``), and what is the reporter's to say is not a handler's.
    """
    referral = case.referrals.get(origin=record.origin)
    if state is State.ANSWERED or state in _REPORTERS:
        if status.note:
            step_add(case, case.state, note=status.note, unit=referral.name)
            _mark(case, record)
        return
    Referral.objects.filter(pk=referral.pk).update(state=state)
    opens_it = case.superior == record.origin
    if opens_it and may_move(case.state, state) and state is not State.RETURNED:
        move(case, state, note=status.note, unit=referral.name, told_by=record.origin)
    else:
        step_add(case, state, note=status.note, unit=referral.name)
    _mark(case, record)
    if opens_it and state is State.RETURNED:
        came_back(case)


def _answered(case: Case, record: ReceivedRecord) -> None:
    """An answer there is an answer here: its words, not the mere word that there was one."""
    referral = case.referrals.get(origin=record.origin)
    Referral.objects.filter(pk=referral.pk).update(state=State.ANSWERED)
    if may_move(case.state, State.ANSWERED):
        move(case, State.ANSWERED, unit=referral.name, told_by=record.origin)
    else:
        step_add(case, State.ANSWERED, unit=referral.name)


def _mark(case: Case, record: ReceivedRecord) -> None:
    last = case.steps.order_by("-n").first()
    if last is not None:
        Step.objects.filter(pk=last.pk).update(commitment=record.commitment)


def _shared_case(record: ReceivedRecord, about: str) -> tuple[Case, bool]:
    """Return the locked case a peer may speak of, and whether the peer is its first receiver.

    Raises:
        RecordRejected: it neither handed us the case nor got it from us.
    """
    locked = Case.objects.select_for_update(of=("self",))
    case = locked.filter(source=record.origin, source_subject=about).first()
    if case is not None:
        return case, True
    try:
        shared = Q(referrals__origin=record.origin) | Q(state=State.SEALED)  # nothing is left of it
        case = locked.filter(shared, pk=uuid.UUID(about.removeprefix("case-"))).first()
    except ValueError as error:
        raise RecordRejected(record.commitment, "no such case") from error
    if case is None:
        raise RecordRejected(record.commitment, "the case was not shared with this unit")
    return case, False


def _name_of(case: Case, record: ReceivedRecord) -> str:
    peer = reachable(origin=record.origin)
    return peer.name if peer is not None else record.origin
