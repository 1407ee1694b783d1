"""The second door: designation, custodians, the unit's own sealed form, and sealing late."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.audit import read_recorded
from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.channel import boxes
from minqing.channel.boxes import Content, KeyFault
from minqing.channel.codes import code_make, code_stretched
from minqing.channel.errors import FormFault, NoReceiver, NotDesignated, TooLarge, UnknownCase
from minqing.channel.models import (
    Case,
    Custodian,
    Designation,
    SealedBox,
    SealedReport,
    Sender,
)
from minqing.channel.octets import check_words
from minqing.channel.photos import photos_read
from minqing.channel.selectors.desk import case_locked
from minqing.channel.selectors.public import own_form_open
from minqing.channel.services.forgetting import case_erased
from minqing.channel.services.records import JSON, json_body
from minqing.channel.values import SealedLodged
from sync import audiences, ledger
from sync.exchange.peers import reachable_units
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

CUSTODIANS = 2
"""How many custodians, of different offices, a report is sealed to; either opens it."""


def designation_enter(*, by: Staff | None, document: str, issuer: str, day: datetime.date) -> None:
    """Enter the document (授权文件) by which this unit takes reports of the second door, and publish it.

    The public record names the document and the posts and keys of the custodians, never their names.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        FormFault: something is missing, or fewer than two custodians of different offices have keys.
    """
    _run_by(by)
    if not document.strip() or not issuer.strip():
        raise FormFault(_("请填写授权文件的文号和发文机关。"))
    keepers = list(Custodian.objects.filter(active=True))
    if len(keepers) < CUSTODIANS:
        raise FormFault(_("请先登记两名不同科室的密件保管人和他们的钥匙。"))
    openers = [
        {
            "office": keeper.office,
            "post": keeper.post,
            "key": base64.b64encode(bytes(keeper.key)).decode(),
        }
        for keeper in keepers
    ]
    unit = current_unit()
    with transaction.atomic():
        Designation.objects.filter(origin="", withdrawn_on=None).update(
            withdrawn_on=timezone.localdate()
        )
        commitment = _designation_published(document, issuer, day, openers, in_force=True)
        Designation.objects.create(
            document=document.strip()[:120], issuer=issuer.strip()[:120], day=day, name=unit.name, code=unit.code,
            openers=openers, commitment=commitment,
        )  # fmt: skip


def designation_withdraw(*, by: Staff | None) -> None:
    """Withdraw the designation; the form closes at once.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        NotDesignated: there is none.
    """
    _run_by(by)
    with transaction.atomic():
        designation = (
            Designation.objects.select_for_update().filter(origin="", withdrawn_on=None).first()
        )
        if designation is None:
            raise NotDesignated
        designation.withdrawn_on = timezone.localdate()
        designation.save(update_fields=["withdrawn_on"])
        _designation_published(
            designation.document, designation.issuer, designation.day, [], in_force=False
        )


def _run_by(by: Staff | None) -> None:
    """``by=None`` is the host's own command line, as in accounts."""
    if by is not None:
        require(by, Role.OPERATOR)


def _designation_published(
    document: str, issuer: str, day: datetime.date, openers: list[dict[str, str]], *, in_force: bool
) -> str:
    body = {
        "code": current_unit().code, "name": current_unit().name, "document": document.strip()[:120],
        "issuer": issuer.strip()[:120], "day": day.isoformat(), "openers": openers, "in_force": in_force,
    }  # fmt: skip
    appended = ledger.append(
        kind="channel.designation",
        subject="designation",
        body=json_body(body),
        audience=audiences.PUBLIC,
        media_type=JSON,
    )
    ledger.seal_soon()
    return appended.commitment


def custodian_register(*, by: Staff | None, staff: Staff, post: str, key: str) -> None:
    """Enter a custodian and the public key (base64); an older key of the same person is replaced.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        FormFault: the person is no custodian, has no office, or the office has one already.
        KeyFault: the key is none.
    """
    _run_by(by)
    public = boxes.key_read(key)
    if not staff.has_role(Role.CUSTODIAN) or not staff.office.strip() or not post.strip():
        raise FormFault(_("密件保管人要有“密件保管”角色、所在科室和职务。"))
    with transaction.atomic():
        if Custodian.objects.filter(active=True, office=staff.office).exclude(staff=staff).exists():
            raise FormFault(_("两名保管人要在不同的科室；这个科室已经有一名。"))
        if Custodian.objects.filter(key=public).exclude(staff=staff).exists():
            raise KeyFault(_("这把钥匙已经登记给别人。每名保管人要有自己的钥匙。"))
        Custodian.objects.update_or_create(
            staff=staff,
            defaults={
                "post": post.strip()[:120],
                "office": staff.office,
                "key": public,
                "active": True,
            },
        )


def sealed_lodge(
    *, words: bytes, place: str = "", contact: str = "", photos: Sequence[bytes] = ()
) -> SealedLodged:
    """Take in a report on this unit's own sealed form. The plain words are never stored.

    Raises:
        NotDesignated: this unit may not take such reports.
        WordsFault, TooLarge, PhotoFault: what was sent cannot be kept as it is.
    """
    check_words(words)
    if len(contact) > 200 or len(place) > 200:
        raise TooLarge(_("有一项太长了：最多 %(most)d 个字。") % {"most": 200})
    pictures = photos_read(tuple(photos))
    if not own_form_open():
        raise NotDesignated
    keepers = list(Custodian.objects.filter(active=True))
    content = Content(
        words=words, photos=tuple(picture.original for picture in pictures), place=place, contact=contact, way="web",
        day=timezone.localdate().isoformat(), keys=tuple(bytes(keeper.key) for keeper in keepers),
    )  # fmt: skip
    code = code_make()
    stretched = code_stretched(code)
    with transaction.atomic():
        _sealed_kept(content, stretched, receiver="")
    return SealedLodged(
        code=code,
        day=timezone.localdate(),
        openers=tuple(f"{keeper.office} · {keeper.post}" for keeper in keepers),
    )


def _sealed_kept(content: Content, stretched: bytes | None, *, receiver: str) -> SealedReport:
    report = SealedReport.objects.create(
        receiver=receiver, code=stretched, day=timezone.localdate()
    )
    SealedBox.objects.bulk_create(
        SealedBox(report=report, key=key, box=boxes.sealed(content, key)) for key in content.keys
    )
    return report


def sealed_open(*, by: Staff, report: str, private_key: str) -> Content:
    """Open a sealed report with the custodian's private key, which is used in memory and kept nowhere.

    The opening is recorded and shown to the other custodian.

    Raises:
        NotAllowed: ``by`` is no custodian.
        KeyFault: the key is not this custodian's or does not open it.
        UnknownCase: there is no such report for this custodian.
    """
    by = require(by, Role.CUSTODIAN)
    private = boxes.key_read(private_key)
    with transaction.atomic():
        box = (
            SealedBox.objects.select_for_update(of=("self",))
            .filter(report__id=report, report__receiver="", key=boxes.public_of(private))
            .first()
        )
        if box is None or not Custodian.objects.filter(staff=by, active=True, key=box.key).exists():
            raise UnknownCase
        content = boxes.unsealed(bytes(box.box), private)
        read_recorded(by, "sealed", f"sealed-{box.report_id.hex}")
        SealedBox.objects.filter(pk=box.pk).update(
            openings=F("openings") + 1, opened_on=timezone.localdate()
        )
    return content


def sealed_by_staff(
    *, by: Staff, words: bytes, way: str, place: str = "", contact: str = "", receiver: str = ""
) -> None:
    """Seal what came by paper or telephone, typed straight into the sealing page: no draft, no list row, no count.

    Raises:
        NotAllowed: ``by`` takes no reports.
        NoReceiver: nobody here or connected may open it.
        WordsFault, TooLarge: the words cannot be kept as they are.
    """
    by = require(by, Role.CLERK, Role.HANDLER, Role.SUPERVISOR)
    check_words(words)
    origin, keys = _keys_of(receiver)
    content = Content(
        words=words,
        place=place,
        contact=contact,
        way=way,
        day=timezone.localdate().isoformat(),
        taken_by=(by.name,),
        keys=keys,
    )
    with transaction.atomic():
        _sealed_kept(content, None, receiver=origin)


def case_seal(*, by: Staff, number: str, receiver: str = "") -> None:
    """Seal a case late, in one step, from wherever it is: it leaves every list here and everywhere it went.

    The words, photos, dialogue and contact go into boxes for two custodians of the unit ``receiver`` (its
    origin; empty for the first that may). Rows and openings elsewhere are erased; the reporter reads under
    the same code that the report was passed on.

    Raises:
        NotAllowed, UnknownCase: not theirs to handle.
        NoReceiver: nobody here or connected may open it; nothing was changed, and 12388 and 12380 stay.
    """
    by = require(by, Role.HANDLER, Role.SUPERVISOR)
    with transaction.atomic():
        case = case_locked(number)
        origin, keys = _keys_of(receiver)
        _sealed_kept(_content_of(case, by, keys), None, receiver=origin)
        case_erased(case)


def _content_of(case: Case, by: Staff, keys: tuple[bytes, ...]) -> Content:
    words = [bytes(message.octets) for message in case.messages.filter(sender=Sender.CITIZEN)]
    names = set(
        Staff.objects.filter(pk__in=case.steps.values("by")).values_list("name", flat=True)
    ) | {by.name}
    return Content(
        words=words[0], later=tuple(words[1:]), photos=tuple(bytes(photo.original) for photo in case.attachments.all()),
        place=case.where, contact=case.contact, way=case.way, day=case.day.isoformat(), taken_by=tuple(sorted(names)), keys=keys,
    )  # fmt: skip


def _keys_of(receiver: str) -> tuple[str, tuple[bytes, ...]]:
    """Return whose custodians open it and their keys: this unit's own (empty origin) or a connected unit's."""
    connected = {unit.origin for unit in reachable_units()}
    for designation in Designation.objects.filter(withdrawn_on=None).order_by("origin"):
        mine = not designation.origin
        if receiver and designation.origin != receiver:
            continue
        if mine and own_form_open():
            return "", tuple(bytes(keeper.key) for keeper in Custodian.objects.filter(active=True))
        if not mine and designation.origin in connected:
            return designation.origin, tuple(
                boxes.key_read(opener["key"]) for opener in designation.openers
            )
    raise NoReceiver(
        _(
            "现在没有接通可以打开这类反映的单位，不能密封。请告诉反映人拨打 12388 或 12380，不要抄录。"
        )
    )
