"""Handing an official over (交接): offer, accept, cancel; notice, order by two people and objection where a home is dead or frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.archives import checks, custody
from minqing.archives.errors import MoveRefused, NotInArchive, SamePerson
from minqing.archives.models import Official, OrderEntry, PublicOfficialRow
from sync.exchange.homes import handing
from sync.exchange.homes.handing import HandoverRefused

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable


@transaction.atomic
def official_offer(*, by: Staff, official: uuid.UUID, to: str) -> str:
    """Offer one of our officials to another unit (发出移交); return the offer's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: no such official here.
        MoveRefused: another unit keeps them, an offer is open, the unit is not connected, or nothing was ever published.
    """
    require(by, Role.SUPERVISOR)
    row = Official.objects.select_for_update().filter(public_id=official).first()
    if row is None:
        raise NotInArchive
    if not row.record_version or row.is_withdrawn:
        raise MoveRefused(_("这位同志的信息现在没有公开，没有可以移交的档案。"))
    return _step(lambda: handing.offer(custody.subject(official), to))


@transaction.atomic
def offer_accept(*, by: Staff, offer: str) -> str:
    """Accept what another unit offered (接收移交); it is ours once that unit has closed. Return the accept's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        MoveRefused: no such offer is open, or its history has not arrived.
    """
    require(by, Role.SUPERVISOR)
    return _step(lambda: handing.accept(checks.commitment(offer)))


@transaction.atomic
def offer_cancel(*, by: Staff, offer: str, reason: str) -> str:
    """Take an offer back (撤回移交), also one that was accepted but not closed; return the cancel's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        BadValue: no reason is given.
        MoveRefused: it was closed or cancelled before.
    """
    require(by, Role.SUPERVISOR)
    why = checks.reason(reason)
    return _step(lambda: handing.cancel(checks.commitment(offer), why))


@transaction.atomic
def notice_give(*, by: Staff, official: uuid.UUID, to: str, reason: str) -> str:
    """Give public notice that a home below us is dead or frozen (公示拟指定接管); return the notice's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: no such official is known here.
        BadValue: no reason is given.
        MoveRefused: the directory names another superior, or a notice stands already.
    """
    require(by, Role.SUPERVISOR)
    if not PublicOfficialRow.objects.filter(official_id=official).exists():
        raise NotInArchive
    why = checks.reason(reason)
    return _step(lambda: handing.notice(custody.subject(official), to, why))


@transaction.atomic
def order_enter(*, by: Staff, notice: str, document_number: str) -> None:
    """Enter the order (录入指定接管令): the first of two people; nothing leaves the unit yet.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        BadValue: the document has no number.
        MoveRefused: somebody entered it before.
    """
    staff = require(by, Role.SUPERVISOR)
    number = checks.text(_("文号"), document_number, longest=80)
    _made, fresh = OrderEntry.objects.get_or_create(
        notice=checks.commitment(notice), defaults={"document_number": number, "entered_by": staff}
    )
    if not fresh:
        raise MoveRefused(_("这份令已经有人录入，请由另一位同志确认。"))


@transaction.atomic
def order_confirm(*, by: Staff, notice: str) -> str:
    """Confirm the order that somebody else entered and issue it (确认并发出); return the order's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        NotInArchive: nobody entered it.
        SamePerson: ``by`` entered it.
        MoveRefused: the notice has not stood long enough, the home objected, or it was issued before.
    """
    staff = require(by, Role.SUPERVISOR)
    row = OrderEntry.objects.select_for_update().filter(notice=notice).first()
    if row is None:
        raise NotInArchive
    if row.entered_by_id == staff.pk:
        raise SamePerson
    row.order = _step(lambda: handing.order(notice))
    row.confirmed_by = staff
    row.save()
    return row.order


@transaction.atomic
def notice_object(*, by: Staff, notice: str, reason: str) -> str:
    """Object to a notice about us (提出异议): this unit lives; an order after it is void. Return the objection's commitment.

    Raises:
        NotAllowed: ``by`` is not a supervisor.
        BadValue: no reason is given.
        MoveRefused: no such notice names this unit, or the objection stands already.
    """
    require(by, Role.SUPERVISOR)
    why = checks.reason(reason)
    return _step(lambda: handing.object_to(checks.commitment(notice), why))


def _step(take: Callable[[], str]) -> str:
    try:
        return take()
    except HandoverRefused as fault:
        raise MoveRefused(_sentence(fault.code)) from fault


def _sentence(code: str) -> str:
    return {
        "not-home": _("这位同志的档案不由本单位管理。"),
        "open": _("已经有一份移交或公示在办，请先办完那一份。"),
        "contested": _("这位同志的档案归属有争议，先由人核查处理，现在不能办移交。"),
        "not-connected": _("接收单位没有联网，或者已被冻结。请先接通联网单位。"),
        "not-asked": _("没有找到这份移交，可能不是发给本单位的。"),
        "settled": _("这份移交已经办完或撤回。请刷新页面看最新情况。"),
        "incomplete": _("对方列出的档案还没有全部送到，请稍后再接收。"),
        "not-superior": _("名录没有把本单位列为原单位的上级，不能指定接管。"),
        "early": _("公示期还没有满，现在不能发出。"),
        "objected": _("原单位已经提出异议，不能发出；请当面核实。"),
    }[code]
