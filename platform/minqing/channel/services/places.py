"""The list of places a unit's form offers."""

from __future__ import annotations

import csv
from importlib import resources
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from minqing.channel.errors import FormFault
from minqing.channel.models import Place

if TYPE_CHECKING:
    from tenants.models import Unit

_DIGITS = {6, 9, 12}


def places_provision(unit: Unit) -> None:
    """Give a new unit the places that come with the release; a unit that has a list keeps its own."""
    if Place.objects.exists():
        return
    text = (
        resources.files("minqing.channel").joinpath("data/places.csv").read_text(encoding="utf-8")
    )
    rows = [row for row in csv.DictReader(text.splitlines()) if row["unit"] == unit.code]
    Place.objects.bulk_create(_places(rows))


def villages_load(*, text: str) -> int:
    """Replace the current unit's list by a CSV with columns code, name, within; returns how many places it has.

    Raises:
        FormFault: a line does not fit; the old list stays. Cases keep the places that are still listed.
    """
    rows = list(csv.DictReader(text.splitlines()))
    codes = {row.get("code", "") for row in rows}
    for line, row in enumerate(rows, start=2):
        code, name, within = row.get("code") or "", row.get("name") or "", row.get("within") or ""
        if (
            not code.isdigit()
            or len(code) not in _DIGITS
            or not name.strip()
            or (within and within not in codes)
        ):
            raise FormFault(
                _("第 %(line)d 行不对：要有 6、9 或 12 位代码、名称，上级代码要在名单里。")
                % {"line": line}
            )
    if not rows or len(codes) != len(rows):
        raise FormFault(_("名单是空的，或者有重复的代码。"))
    with transaction.atomic():
        Place.objects.exclude(code__in=codes).delete()
        Place.objects.bulk_create(
            _places(rows),
            update_conflicts=True,
            update_fields=["name", "within"],
            unique_fields=["code"],
        )
    return len(rows)


def _places(rows: list[dict[str, str]]) -> list[Place]:
    """Make rows with those that others lie within first."""
    ordered = sorted(rows, key=lambda row: (bool(row["within"]), row["code"]))
    return [
        Place(code=row["code"], name=row["name"].strip(), within_id=row["within"] or None)
        for row in ordered
    ]
