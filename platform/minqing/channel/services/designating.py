"""Who stands behind the second door: custodians, this unit's designation document, and which other units' ones are accepted."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.audit import act_recorded
from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.accounts.seconding import seconded
from minqing.channel import boxes
from minqing.channel.boxes import KeyFault
from minqing.channel.errors import FormFault, MoveRefused, NotDesignated
from minqing.channel.models import Acceptance, Custodian, Designation
from minqing.channel.selectors.receivers import CUSTODIANS
from minqing.channel.services.records import JSON, json_body
from sync import audiences, ledger
from sync.exchange.peers import reachable_units
from tenants.current import current_unit

if TYPE_CHECKING:
    import datetime

CUSTODIAN_KEY = "custodian.key"
RECEIVER_ACCEPT = "receiver.accept"
"""Acts that take two operators."""


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
    with transaction.atomic():
        openers = _openers()
        if len(openers) < CUSTODIANS:
            raise FormFault(_("请先登记两名不同科室的密件保管人和他们的钥匙。"))
        _designation_made(document.strip()[:120], issuer.strip()[:120], day, openers)
        act_recorded(by, "designation.enter", document.strip()[:120])


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
        _designation_ended(designation)
        act_recorded(by, "designation.withdraw", designation.document)


def _designation_made(
    document: str, issuer: str, day: datetime.date, openers: list[dict[str, str]]
) -> None:
    Designation.objects.filter(origin="", withdrawn_on=None).update(
        withdrawn_on=timezone.localdate()
    )
    unit = current_unit()
    Designation.objects.create(
        document=document, issuer=issuer, day=day, name=unit.name, code=unit.code, openers=openers,
        commitment=_designation_published(document, issuer, day, openers, in_force=True),
    )  # fmt: skip


def _designation_ended(designation: Designation) -> None:
    designation.withdrawn_on = timezone.localdate()
    designation.save(update_fields=["withdrawn_on"])
    _designation_published(
        designation.document, designation.issuer, designation.day, [], in_force=False
    )


def _custodians_changed() -> None:
    """What was published names keys: publish it anew with those in force, or end it where they are too few."""
    standing = Designation.objects.select_for_update().filter(origin="", withdrawn_on=None).first()
    openers = _openers()
    if standing is None or standing.openers == openers:
        return
    if len(openers) < CUSTODIANS:
        _designation_ended(standing)
    else:
        _designation_made(standing.document, standing.issuer, standing.day, openers)


def _openers() -> list[dict[str, str]]:
    return [
        {
            "office": keeper.office,
            "post": keeper.post,
            "key": base64.b64encode(bytes(keeper.key)).decode(),
        }
        for keeper in Custodian.objects.filter(active=True)
    ]


def _run_by(by: Staff | None) -> Staff | None:
    """Return the acting operator; ``by=None`` is the host's own command line, as in accounts."""
    return None if by is None else require(by, Role.OPERATOR)


def _designation_published(
    document: str, issuer: str, day: datetime.date, openers: list[dict[str, str]], *, in_force: bool
) -> str:
    body = {
        "code": current_unit().code, "name": current_unit().name, "document": document, "issuer": issuer, "day": day.isoformat(), "openers": openers, "in_force": in_force,
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


def custodian_register(*, by: Staff | None, staff: Staff, post: str, key: str) -> bool:
    """Enter a custodian and the public key (base64), once two operators did; an older key of the same person is replaced.

    Return whether it counts now. A designation in force is published anew with the keys that count from now on.

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
        said = {"post": post.strip()[:120], "key": base64.b64encode(public).decode()}
        if not seconded(by=by, act=CUSTODIAN_KEY, subject=staff.username, details=said):
            return False
        Custodian.objects.update_or_create(
            staff=staff,
            defaults={
                "post": post.strip()[:120],
                "office": staff.office,
                "key": public,
                "active": True,
            },
        )
        _custodians_changed()
        act_recorded(by, CUSTODIAN_KEY, f"{staff.username} {said['key']}")
    return True


def custodian_end(*, by: Staff | None, staff: Staff) -> None:
    """Take a custodian out: nothing more is sealed to that key; what was sealed to it still opens with it.

    With fewer than two left, a designation in force ends and the form closes.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        FormFault: the person is no custodian in force.
    """
    _run_by(by)
    with transaction.atomic():
        if not Custodian.objects.filter(staff=staff, active=True).update(active=False):
            raise FormFault(_("这个人现在不是密件保管人。"))
        _custodians_changed()
        act_recorded(by, "custodian.end", staff.username)


def receiver_accept(*, by: Staff | None, commitment: str) -> bool:
    """Let a connected unit's designation stand behind this unit's second door; ``commitment`` names exactly one.

    It counts once two operators said so; return whether it does now.

    What a unit says of itself is no ground to send it accusations: somebody here looks at the document and answers
    for it. A later document, or the same with other keys, is accepted anew.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        NotDesignated: there is no such designation in force.
        MoveRefused: the unit is not connected, or this one is accepted already.
    """
    by = _run_by(by)
    with transaction.atomic():
        designation = _foreign(commitment)
        if designation.origin not in {unit.origin for unit in reachable_units()}:
            raise MoveRefused(_("这个单位现在没有联网，不能确认。"))
        if designation.acceptances.filter(ended_on=None).exists():
            raise MoveRefused(_("这份文件已经确认过了。"))
        if not seconded(by=by, act=RECEIVER_ACCEPT, subject=commitment, details={}):
            return False
        Acceptance.objects.create(
            designation=designation, accepted_by=by, accepted_on=timezone.localdate()
        )
        act_recorded(by, RECEIVER_ACCEPT, commitment)
    return True


def receiver_end(*, by: Staff | None, commitment: str) -> None:
    """Take a connected unit's designation back from this unit's second door, at once.

    Raises:
        NotAllowed: ``by`` does not run the platform.
        NotDesignated: there is no such designation in force.
        MoveRefused: it is not accepted.
    """
    by = _run_by(by)
    with transaction.atomic():
        if (
            not _foreign(commitment)
            .acceptances.filter(ended_on=None)
            .update(ended_by=by, ended_on=timezone.localdate())
        ):
            raise MoveRefused(_("这份文件没有确认过，或者已经取消。"))
        act_recorded(by, "receiver.end", commitment)


def _foreign(commitment: str) -> Designation:
    designation = (
        Designation.objects.select_for_update()
        .filter(commitment=commitment, withdrawn_on=None)
        .exclude(origin="")
        .first()
    )
    if designation is None:
        raise NotDesignated
    return designation
