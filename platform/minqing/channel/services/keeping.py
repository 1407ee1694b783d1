"""Sealed copies: what a case holds, for custodians' keys; and nobody's word from outside destroys a report.

When a unit that a case was handed to says that it is sealed (密封), the desks here let go of it. Before that, what this
unit holds is sealed to its own custodians; where it has not two, to those of the first accepted unit that did not say
so itself; where there is nobody, to this unit's box key, until there is somebody (``waiting_sealed``).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
from django.db import transaction
from django.utils import timezone
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey

from minqing.accounts.models import Staff
from minqing.channel import boxes, roster
from minqing.channel.boxes import Content
from minqing.channel.errors import ChannelFault, TooLarge
from minqing.channel.models import Case, SealedBox, SealedReport, Sender
from minqing.channel.originals import opened
from minqing.channel.selectors.receivers import CUSTODIANS, custodians_in_force, receivers_in_order
from sync import identity

if TYPE_CHECKING:
    from collections.abc import Iterable


def case_kept(case: Case, *, told_by: str) -> None:
    """Seal what this unit holds of a locked case, before the word of the unit ``told_by`` empties it here.

    Raises:
        ChannelFault: it cannot be sealed as it is; the caller erases nothing then.
    """
    _content_kept(content_of(case), told_by=told_by)
    Case.objects.filter(pk=case.pk).update(copy_kept=True)


def waiting_sealed() -> None:
    """Seal to custodians what waited for some under this unit's box key; the caller sees to once a day."""
    for pk in list(SealedReport.objects.filter(waits=True).values_list("pk", flat=True)):
        with (
            suppress(ChannelFault, CryptoError),
            transaction.atomic(),
        ):  # one that fails holds up no other
            report = SealedReport.objects.select_for_update().get(pk=pk)
            content = boxes.read(identity.box_open(bytes(report.boxes.get().box)))
            receiver, keys = _keepers(content, told_by=report.emptied_by)
            if keys:
                report_sealed(msgspec.structs.replace(content, keys=keys), receiver=receiver)
                report.delete()


def copy_for_custodians(case: Case) -> bool:
    """Seal a copy of a locked case that nobody here may open to this unit's own custodians; False while there are none."""
    content = content_of(case)
    keys = _own_keys(content)
    for part in parts_of(msgspec.structs.replace(content, keys=keys)) if keys else ():
        report_sealed(part, receiver="")
    return bool(keys)


def content_of(
    case: Case, *, taken_by: Iterable[str] = (), keys: tuple[bytes, ...] = ()
) -> Content:
    """Return what a case holds: the reporter's words, photos as they came, contact, and what was done and said here.

    Raises:
        OriginalFault: a photo's original does not open with this unit's key.
    """
    words = [bytes(message.octets) for message in case.messages.filter(sender=Sender.CITIZEN)]
    names = Staff.objects.filter(pk__in=case.steps.values("by")).values_list("name", flat=True)
    course = [
        f"{step.day} {step.unit} {step.get_state_display()} {step.note}".strip()
        for step in case.steps.all()
    ]
    said = [
        f"{message.day} {message.get_purpose_display()}：{bytes(message.octets).decode()}"
        for message in case.messages.filter(sender=Sender.STAFF)
    ]
    return Content(
        words=words[0], later=tuple(words[1:]), photos=tuple(opened(bytes(photo.original), photo.digest) for photo in case.attachments.all()),
        place=case.where, contact=case.contact, way=case.way, day=case.day.isoformat(), taken_by=tuple(sorted({*names, *taken_by})),
        keys=keys, course=(*course, *said),
    )  # fmt: skip


def report_sealed(content: Content, *, receiver: str, code: bytes | None = None) -> SealedReport:
    """Write a sealed report: one box for each of the content's keys. ``receiver`` is empty for custodians of this unit."""
    report = SealedReport.objects.create(receiver=receiver, code=code, day=timezone.localdate())
    SealedBox.objects.bulk_create(
        SealedBox(report=report, key=key, box=boxes.sealed(content, key)) for key in content.keys
    )
    return report


def _content_kept(content: Content, *, told_by: str) -> None:
    receiver, keys = _keepers(content, told_by=told_by)
    box_key = bytes(PrivateKey(identity.box_seed()).public_key)
    for part in parts_of(msgspec.structs.replace(content, keys=keys or (box_key,))):
        report = report_sealed(part, receiver=receiver)
        if not keys:
            report.waits, report.emptied_by = True, told_by
            report.save(update_fields=["waits", "emptied_by"])


def _keepers(content: Content, *, told_by: str) -> tuple[str, tuple[bytes, ...]]:
    """Return whose custodians keep the copy, and their keys: ours, else those of a unit that did not empty the case."""
    own = _own_keys(content)
    if own:
        return "", own
    for designation, unit in receivers_in_order():
        if unit is not None and unit.origin != told_by:
            return unit.origin, tuple(
                boxes.key_read(opener["key"]) for opener in designation.openers
            )
    return "", ()


def _own_keys(content: Content) -> tuple[bytes, ...]:
    return unnamed_keys(b"\n\n".join((content.words, *content.later)))


def unnamed_keys(words: bytes) -> tuple[bytes, ...]:
    """Return the keys of this unit's custodians whom the words do not name; none where that leaves fewer than two."""
    named = roster.staff_named(words)
    keys = tuple(bytes(keeper.key) for keeper in custodians_in_force().exclude(staff__in=named))
    return keys if len(keys) >= CUSTODIANS else ()


def parts_of(content: Content) -> list[Content]:
    """Return the content whole, or, where one box does not take it, the words first, then each photo.

    However much others add to a case, it can be sealed.

    Raises:
        TooLarge: the report's own words are.
    """
    if boxes.fits(content):
        return [content]
    bare = msgspec.structs.replace(content, photos=(), later=(), course=())
    if not boxes.fits(bare):
        raise TooLarge(boxes.too_large())
    parts, room = [bare], boxes.room_beside(bare)
    for name in ("later", "course", "photos"):
        for piece in getattr(content, name):
            size = boxes.length_of(piece)
            if name == "photos" or size > room:
                parts.append(msgspec.structs.replace(bare, contact=""))
                room = boxes.room_beside(bare)
            if size > room:
                raise TooLarge(boxes.too_large())
            parts[-1] = msgspec.structs.replace(
                parts[-1], **{name: (*getattr(parts[-1], name), piece)}
            )
            room -= size
    return parts
