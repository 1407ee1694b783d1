"""The second door: the unit's own sealed form, opening, and sealing late. Who may open: ``services.designating``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from minqing.accounts.audit import read_recorded
from minqing.accounts.models import Role, Staff
from minqing.accounts.permissions import require
from minqing.channel import boxes
from minqing.channel.boxes import Content
from minqing.channel.codes import code_make, code_stretched
from minqing.channel.errors import NoReceiver, NotDesignated, TooLarge, UnknownCase
from minqing.channel.models import (
    Custodian,
    SealedBox,
)
from minqing.channel.octets import check_words
from minqing.channel.photos import photos_read
from minqing.channel.selectors.desk import case_locked
from minqing.channel.selectors.receivers import (
    custodians_in_force,
    own_form_open,
    receivers_in_order,
)
from minqing.channel.selectors.sealed import keys_of_others
from minqing.channel.services.forgetting import case_erased
from minqing.channel.services.keeping import (
    content_of,
    parts_of,
    report_sealed,
    unnamed_keys,
)
from minqing.channel.values import SealedLodged

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    keepers = list(custodians_in_force())
    content = Content(
        words=words, photos=tuple(picture.original for picture in pictures), place=place, contact=contact, way="web",
        day=timezone.localdate().isoformat(), keys=tuple(bytes(keeper.key) for keeper in keepers),
    )  # fmt: skip
    code = code_make()
    stretched = code_stretched(code)
    with transaction.atomic():
        report_sealed(content, receiver="", code=stretched)
    return SealedLodged(
        code=code,
        day=timezone.localdate(),
        openers=tuple(f"{keeper.office} · {keeper.post}" for keeper in keepers),
    )


def sealed_open(*, by: Staff, report: str, private_key: str) -> Content:
    """Open a sealed report with the custodian's private key, which is used in memory and kept nowhere.

    The opening is recorded and shown to the other custodian.

    Raises:
        NotAllowed: ``by`` is no custodian.
        KeyFault: the key is another custodian's or does not open it. One's own key of before opens what was sealed to it.
        UnknownCase: there is no such report for this custodian.
    """
    by = require(by, Role.CUSTODIAN)
    private = boxes.key_read(private_key)
    with transaction.atomic():
        box = (
            SealedBox.objects.select_for_update(of=("self",))
            .filter(
                report__id=report,
                report__receiver="",
                report__waits=False,
                key=boxes.public_of(private),
            )
            .first()
        )
        custodian = Custodian.objects.filter(staff=by, active=True).first()
        if box is None or custodian is None or bytes(box.key) in keys_of_others(custodian):
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
    origin, keys = _keys_of(receiver, words)
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
        report_sealed(content, receiver=origin)


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
        case = case_locked(by, number)
        content = content_of(case, taken_by=[by.name])
        origin, keys = _keys_of(receiver, b"\n\n".join((content.words, *content.later)))
        for part in parts_of(msgspec.structs.replace(content, keys=keys)):
            report_sealed(part, receiver=origin)
        case_erased(case)


def _keys_of(receiver: str, words: bytes) -> tuple[str, tuple[bytes, ...]]:
    """Return whose custodians open it and their keys: the unit asked for, else the first of ``receivers_in_order``.

    The origin is empty for this unit's own custodians: those whom the words do not name, two at least; where there are not
    so many and nobody else may open it either, all of them.
    """
    own: tuple[bytes, ...] = ()
    for designation, _unit in receivers_in_order():
        if receiver and designation.origin != receiver:
            continue
        if not designation.origin:
            own = tuple(bytes(keeper.key) for keeper in custodians_in_force())
            unnamed = unnamed_keys(words)
            if unnamed:
                return "", unnamed
            continue
        return designation.origin, tuple(
            boxes.key_read(opener["key"]) for opener in designation.openers
        )
    if own:
        return "", own
    raise NoReceiver(
        _(
            "现在没有接通可以打开这类反映的单位，不能密封。请告诉反映人拨打 12388 或 12380，不要抄录。"
        )
    )
