"""What handlers do with a case: take it, send it back, ask, answer, close. One function, one move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from minqing.accounts.audit import read_recorded
from minqing.accounts.models import Role
from minqing.accounts.permissions import require
from minqing.channel.errors import FormFault, MoveRefused, UnknownCase
from minqing.channel.models import Case, Mask, Purpose, Sender
from minqing.channel.octets import check_note, check_words
from minqing.channel.originals import opened
from minqing.channel.selectors.desk import case_locked
from minqing.channel.services.moves import message_add, move, status_tell, step_add
from minqing.channel.services.records import JSON, json_body, own_record
from minqing.channel.states import MAX_RETURNS, State
from minqing.channel.values import PhotoOriginal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from minqing.accounts.models import Staff


def case_accept(*, by: Staff, number: str, office: str = "") -> None:
    """Accept the case (受理), naming the office that handles it.

    Raises:
        NotAllowed, UnknownCase: not theirs to handle.
        MoveRefused: it was accepted already, or sent back.
    """
    with transaction.atomic():
        by, case = _mine(by, number)
        if office:
            case.office = office[:120]
            case.save(update_fields=["office"])
        move(case, State.ACCEPTED, by=by)


def case_return(*, by: Staff, number: str, reason: str) -> None:
    """Send the case back for another office (退回), with the reason; twice at most.

    Raises:
        NotAllowed, UnknownCase: not theirs to handle.
        FormFault: no reason is given.
        TooLarge: the reason is too long.
        MoveRefused: it was accepted, ruled on, or sent back twice already.
    """
    reason = check_note(reason)
    if not reason:
        raise FormFault(_("请写明退回的理由，例如应由哪个单位办理。"))
    with transaction.atomic():
        by, case = _mine(by, number)
        if case.returns >= MAX_RETURNS:
            raise MoveRefused(_("已经退回两次，不能再退，请督办人裁定由谁承办。"))
        move(case, State.RETURNED, note=reason, by=by)
        case.returns += 1
        case.save(update_fields=["returns"])


def case_assign(*, by: Staff, number: str, office: str, reason: str = "") -> None:
    """Give a returned case to an office; after the second return this is a ruling (裁定), which stands.

    Raises:
        NotAllowed: ``by`` does not supervise.
        UnknownCase: not of this desk.
        MoveRefused: the case was not sent back.
    """
    by = require(by, Role.SUPERVISOR)
    office, reason = check_note(office, most=120), check_note(reason)
    if not office:
        raise FormFault(_("请写明由哪个科室承办。"))
    with transaction.atomic():
        case = case_locked(by, number)
        case.office = office
        case.save(update_fields=["office"])
        move(
            case,
            State.RULED if case.returns >= MAX_RETURNS else State.RECEIVED,
            note=reason,
            by=by,
        )


def case_start(*, by: Staff, number: str, note: str = "") -> None:
    """Say that work has begun (办理中).

    Raises:
        NotAllowed, UnknownCase, MoveRefused: as for ``case_accept``.
    """
    note = check_note(note)
    with transaction.atomic():
        by, case = _mine(by, number)
        move(case, State.IN_PROGRESS, note=note, by=by)


def case_ask(*, by: Staff, number: str, words: bytes) -> None:
    """Ask the reporter something; the reporter reads it under the code.

    Raises:
        NotAllowed, UnknownCase: not theirs to handle.
        WordsFault, TooLarge: the words cannot be kept as they are.
    """
    check_words(words)
    with transaction.atomic():
        _by, case = _mine(by, number)
        message_add(case, Sender.STAFF, Purpose.QUESTION, words)


def case_answer(*, by: Staff, number: str, words: bytes) -> None:
    """Answer (答复): the words as octets, and the case is answered. No further click is needed.

    Raises:
        NotAllowed, UnknownCase: not theirs to handle.
        WordsFault, TooLarge: the words cannot be kept as they are.
        MoveRefused: the case was not accepted yet, or is answered already.
    """
    check_words(words)
    with transaction.atomic():
        by, case = _mine(by, number)
        message_add(case, Sender.STAFF, Purpose.ANSWER, words)
        move(case, State.ANSWERED, by=by)


def case_close(*, by: Staff, number: str, note: str = "") -> None:
    """Close an answered or rated case (办结).

    Raises:
        NotAllowed, UnknownCase, MoveRefused: as for ``case_accept``.
    """
    note = check_note(note)
    with transaction.atomic():
        by, case = _mine(by, number)
        move(case, State.CLOSED, note=note, by=by)


def original_open(*, by: Staff, number: str, photo: str, reason: str) -> PhotoOriginal:
    """Open a photo's sealed original: the octets as they came, with the place, device and time a telephone put in.

    Only a handler of the case may, with a reason; that it was opened is recorded in the read audit, and day and
    reason stand in the course that the reporter reads.

    Raises:
        NotAllowed: ``by`` is no handler.
        UnknownCase: no such case or photo of this desk.
        FormFault, TooLarge: no reason, or too long a one.
        OriginalFault: it does not open with this unit's key; nothing was recorded.
    """
    reason = check_note(reason)
    by = require(by, Role.HANDLER)
    if not reason:
        raise FormFault(_("请写明为什么要看原件，例如“核对拍摄时间”。反映人看得到。"))
    with transaction.atomic():
        case = case_locked(by, number)
        found = next((one for one in case.attachments.all() if str(one.pk) == photo), None)
        if found is None:
            raise UnknownCase
        octets = opened(bytes(found.original), found.digest)
        read_recorded(by, "photo.original", case.subject)
        note = _("打开照片原件：%(why)s") % {"why": reason}
        step_add(case, case.state, note=note, by=by)
        if case.source:  # the reporter reads it there
            status_tell(case, case.source, state=case.state, note=note)
    return PhotoOriginal(octets=octets, media_type=found.media_type, digest=found.digest)


def message_mask(
    *, by: Staff, number: str, n: int, stretches: Sequence[tuple[int, int]], reason: str
) -> None:
    """Cover stretches (start, length in characters) of a message in its shown copy; the octets stay as they are.

    What is covered is committed to in a record that names the message's own commitment, so that original
    and shown copy can be held against each other.

    Raises:
        NotAllowed, UnknownCase: not theirs to handle.
        FormFault: a stretch lies outside the text, overlaps another, or no reason is given.
    """
    reason = check_note(reason, most=120)
    if not reason:
        raise FormFault(_("请写明遮盖的理由，例如“第三人电话”。"))
    with transaction.atomic():
        by, case = _mine(by, number)
        message = case.messages.filter(n=n).first()
        length = len(bytes(message.octets).decode()) if message is not None else 0
        covered = 0
        for start, count in sorted(stretches):
            if start < covered or count < 1 or start + count > length:
                raise FormFault(_("遮盖的位置不在文字里，或者互相重叠。请重新选择。"))
            covered = start + count
        if message is None or not stretches:
            raise FormFault(_("请选择要遮盖的文字。"))
        message.masks.all().delete()
        Mask.objects.bulk_create(
            Mask(message=message, start=start, length=count, reason=reason)
            for start, count in stretches
        )
        body = {
            "message": message.commitment,
            "masks": [list(stretch) for stretch in sorted(stretches)],
            "reason": reason,
        }
        own_record("channel.mask", case.subject, json_body(body), JSON)
        step_add(case, case.state, note=_("显示稿有遮盖，原文未动"), by=by)


def _mine(by: Staff, number: str) -> tuple[Staff, Case]:
    by = require(by, Role.HANDLER, Role.SUPERVISOR)
    return by, case_locked(by, number)
