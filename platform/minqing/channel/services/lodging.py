"""Taking in a report, and what the reporter may do with the code afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.channel.codes import code_make, code_stretched
from minqing.channel.errors import (
    ChannelFault,
    CodeSeenByStaff,
    FormFault,
    MoveRefused,
    NoReceiver,
    TooLarge,
    UnknownCode,
)
from minqing.channel.frames import MEDIA_TYPE, frame_encode
from minqing.channel.models import (
    Attachment,
    Case,
    Deadline,
    Kind,
    Place,
    Purpose,
    Rating,
    Sender,
    Verdict,
    Way,
)
from minqing.channel.numbers import number_drawn
from minqing.channel.octets import check_words
from minqing.channel.originals import sealed_here
from minqing.channel.photos import Photo, photos_read
from minqing.channel.selectors.reporter import may_be_rated
from minqing.channel.services.moves import (
    counts,
    message_add,
    move,
    status_tell,
    step_add,
    tally,
)
from minqing.channel.services.passing_up import kept_from_desk
from minqing.channel.services.records import JSON, json_body, own_record
from minqing.channel.services.referring import reachable, refer_locked
from minqing.channel.slots import slot_day
from minqing.channel.states import ANSWER_RULE, OPEN, TELL_RULE, State
from minqing.channel.travelling import PhotoDetails
from minqing.channel.values import Lodged
from minqing.workdays.calendar import due
from sync.ledger import receipts
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from minqing.accounts.models import Staff
    from minqing.workdays.calendar import Due


MOST_A_DAY = 30
"""Follow-ups to one report in a day: whoever holds a code cannot bury a case, or fill every unit that has it."""


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """Body of ``channel.details``: what was said beside the words. No contact, number or code."""

    words: str
    photos: tuple[str, ...]
    kind: str
    place: str
    way: str


def report_lodge(
    *,
    words: bytes,
    kind: str = Kind.UNSURE,
    village: str = "",
    place: str = "",
    photos: Sequence[bytes] = (),
    contact: str = "",
    way: str = Way.WEB,
    by: Staff | None = None,
    behind: bool = False,
) -> Lodged:
    """Take in a report of the first door: the words as octets, byte for byte, or not at all.

    The answer is the same whoever the words name; who opens them is decided behind it (``services.passing_up``).

    ``village`` is a code of ``selectors.villages``, ``place`` free text; either, both or none. ``photos`` are
    the files' octets. ``by`` is the member of staff who lodges for somebody else (hotline, counter, box);
    the code has then been seen by staff and must be changed before it rates. ``behind`` comes from
    ``abuse.comes_behind``.

    Raises:
        WordsFault, TooLarge, PhotoFault, FormFault: what was sent cannot be kept as it is; nothing was stored.
        NotAllowed: ``by`` may not lodge for others.
    """
    check_words(words)
    pictures = photos_read(tuple(photos))
    if kind not in Kind.values:
        raise FormFault(_("请选择一种类型；说不清就选“说不清”。"))
    if len(contact) > 200 or len(place) > 200:
        raise TooLarge(_("有一项太长了：最多 %(most)d 个字。") % {"most": 200})
    if way != Way.WEB or by is not None:
        by = require(by, Role.CLERK, Role.HANDLER, Role.SUPERVISOR)
        if way not in set(Way.values) - {Way.WEB, Way.PEER}:
            raise FormFault(_("请选择是怎样收到的：热线来电、意见箱、走访或代写。"))
    spot = Place.objects.filter(code=village).first() if village else None
    if village and spot is None:
        raise FormFault(_("没有这个村（社区）。请从名单里选，或写下地点。"))
    code = code_make()
    stretched = code_stretched(code)
    with transaction.atomic():
        case = case_made(
            day=timezone.localdate(), kind=kind, way=way, place=spot, place_text=place, contact=contact, code=stretched,
            code_seen=by is not None, behind=behind,
        )  # fmt: skip
        commitment = _evidence_kept(case, words, pictures)
        step_add(case, State.RECEIVED, by=by)
        told_by, answer_by = _deadlines_set(case)
        kept_from_desk(case)
        return Lodged(
            number=case.number, code=code, day=case.day, told_by=told_by, answer_by=answer_by,
            acknowledgement=receipts.acknowledge(commitment),
            receiver=current_unit().name,
        )  # fmt: skip


def case_made(*, day: datetime.date, **fields: object) -> Case:
    """Make the row of a case under a number nobody has."""
    for attempt in range(30):
        try:
            with transaction.atomic():
                return Case.objects.create(
                    number=number_drawn(current_unit(), day, attempt), day=day, **fields
                )
        except IntegrityError:
            continue
    raise ChannelFault(_("受理编号暂时发不出来，没有收下。请过一会儿再试。"))


def _evidence_kept(case: Case, words: bytes, pictures: tuple[Photo, ...]) -> str:
    message = message_add(case, Sender.CITIZEN, Purpose.REPORT, words)
    kept = []
    for n, picture in enumerate(pictures):
        sealed = sealed_here(picture.original)
        about = PhotoDetails(
            about=case.subject, media_type=picture.media_type, digest=sealed.digest
        )
        commitment = own_record(
            "channel.photo", case.subject, frame_encode(about, sealed.box), MEDIA_TYPE
        )
        Attachment.objects.create(
            case=case, n=n, original=sealed.box, digest=sealed.digest, shown=picture.shown,
            media_type=picture.media_type, commitment=commitment,
        )  # fmt: skip
        kept.append(commitment)
    details = Details(
        words=message.commitment, photos=tuple(kept), kind=case.kind, place=case.where, way=case.way
    )
    own_record("channel.details", case.subject, json_body(details), JSON)
    return message.commitment


def _deadlines_set(case: Case) -> tuple[Due, Due]:
    told_by, answer_by = (due(slot_day(), rule) for rule in (TELL_RULE, ANSWER_RULE))
    for rule, limit in ((TELL_RULE, told_by), (ANSWER_RULE, answer_by)):
        Deadline.objects.create(case=case, rule=rule, day=limit.day, provisional=limit.provisional)
    return told_by, answer_by


def follow_up(*, code: str, words: bytes) -> None:
    """Add the reporter's words to the dialogue, byte for byte.

    Raises:
        UnknownCode: the code opens nothing.
        WordsFault, TooLarge: the words cannot be kept as they are.
        MoveRefused: the case is closed (a new report or a rating with reopening is the way), or too much was added today.
    """
    check_words(words)
    stretched = code_stretched(code)
    with transaction.atomic():
        case = _locked(stretched)
        if case.state == State.CLOSED:
            raise MoveRefused(_("这件事已经办结。如有新情况，请重新反映。"))
        said = case.messages.filter(purpose=Purpose.FOLLOW_UP, day=timezone.localdate())
        if said.count() >= MOST_A_DAY:
            raise MoveRefused(_("今天已经补充了很多次，前面的都收到了。请明天再接着说。"))
        message_add(case, Sender.CITIZEN, Purpose.FOLLOW_UP, words)
        kept_from_desk(case)


def rate(*, code: str, verdict: str) -> None:
    """Rate the last answer, once, also after the case was closed. "不满意" opens the case again.

    Raises:
        UnknownCode: the code opens nothing.
        CodeSeenByStaff: staff know the code; ``code_change`` first.
        MoveRefused: there is no answer to rate, or it was rated already.
    """
    if verdict not in Verdict.values:
        raise FormFault(_("请选择“满意”“基本满意”或“不满意”。"))
    stretched = code_stretched(code)
    with transaction.atomic():
        case = _locked(stretched)
        if case.code_seen:
            raise CodeSeenByStaff
        answers = case.messages.filter(purpose=Purpose.ANSWER).count()
        if not may_be_rated(case):
            raise MoveRefused(_("现在没有可以评价的答复，或者已经评价过了。"))
        today = timezone.localdate()
        Rating.objects.create(case=case, round=answers, verdict=verdict, day=today)
        label, reporter = str(Verdict(verdict).label), _("反映人")
        if case.state == State.ANSWERED:
            move(case, State.RATED, note=label, unit=reporter, verdict=verdict)
        else:  # closed before it was rated: whoever handles it cannot take the rating away
            step_add(case, case.state, note=label, unit=reporter)
            for origin in case.referrals.values_list("origin", flat=True):
                status_tell(case, origin, state=case.state, note=label, verdict=verdict)
        if (
            counts(case) and case.way == Way.WEB
        ):  # else staff once held the code, and may have been the one who changed it
            tally(verdict, today)
        if verdict == Verdict.UNSATISFIED:
            move(case, State.REOPENED, unit=_("反映人"))
            again = due(slot_day(), ANSWER_RULE)
            case.deadlines.filter(rule=ANSWER_RULE).update(
                day=again.day, provisional=again.provisional, met_on=None
            )


def code_change(*, code: str) -> str:
    """Replace the code by a new one, returned this once; the old one opens nothing from then on.

    Raises:
        UnknownCode: the code opens nothing.
    """
    old, new = code_stretched(code), code_make()
    stretched = code_stretched(new)
    with transaction.atomic():
        case = _locked(old)
        if (
            case.code_seen
        ):  # if that was no doing of the reporter's, others on this desk can see it and ask
            step_add(case, case.state, note=_("换了查询码"), unit=_("凭查询码"))
        case.code, case.code_seen = stretched, False
        case.save(update_fields=["code", "code_seen"])
    return new


def press(*, code: str) -> None:
    """Ask for speed (催办); the desk lists the case first. Once a day.

    Raises:
        UnknownCode: the code opens nothing.
        MoveRefused: nothing is owed, or it was pressed today already.
    """
    stretched = code_stretched(code)
    with transaction.atomic():
        case = _locked(stretched)
        today = timezone.localdate()
        if case.state not in OPEN or case.pressed_on == today:
            raise MoveRefused(_("今天已经催办过，或者这件事已有答复。"))
        case.pressed_on = today
        case.save(update_fields=["pressed_on"])
        step_add(case, case.state, note=_("催办"), unit=_("反映人"))
        for origin in case.referrals.values_list("origin", flat=True):
            status_tell(case, origin, state=case.state, note=_("催办"), pressed=True)


def escalate(*, code: str) -> None:
    """Ask the unit above to look (提级), when an answer is late or the reporter was not satisfied.

    Raises:
        UnknownCode: the code opens nothing.
        MoveRefused: neither holds, or it went up already.
        NoReceiver: no superior unit is connected.
    """
    stretched = code_stretched(code)
    with transaction.atomic():
        case = _locked(stretched)
        today = timezone.localdate()
        late = case.deadlines.filter(met_on=None, day__lt=today).exists()
        if case.escalated_on is not None or not (
            late or case.ratings.filter(verdict=Verdict.UNSATISFIED).exists()
        ):
            raise MoveRefused(_("还没有超过期限，也没有评价“不满意”，或者已经提交上一级。"))
        parent = current_unit().parent
        superior = reachable(code=parent.code) if parent is not None else None
        if superior is None:
            raise NoReceiver(_("上一级单位还没有接通，暂时不能从这里提交。可以拨打 12345。"))
        case.escalated_on = today
        case.save(update_fields=["escalated_on"])
        case.referrals.filter(origin=superior.origin, state=State.RETURNED).delete()
        if not case.referrals.filter(origin=superior.origin).exists():
            refer_locked(case, superior, reason=_("反映人要求上一级督办"), passed_up=True)


def _locked(stretched: bytes) -> Case:
    case = (
        Case.objects.select_for_update(of=("self",))
        .filter(code=stretched)
        .exclude(state=State.SEALED)
        .first()
    )
    if case is None:
        raise UnknownCode
    return case
