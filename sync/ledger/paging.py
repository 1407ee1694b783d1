"""Where an answer ends, asked before any record is read: 64 bodies of the largest size would be four gibibytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db.models import BigIntegerField, F, Func

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

_Row = TypeVar("_Row", bound="Model")


def page(rows: QuerySet[_Row], *, records: int, octets: int) -> tuple[QuerySet[_Row], int | None]:
    """Return the first rows that fit an answer, at least one, and the index at which the next one goes on; None after the last.

    ``rows`` have an index, a header and a body. The database knows lengths without reading what is that long.
    """
    measured = rows.order_by("index").annotate(octets=_length("header") + _length("body"))
    whole, last = 0, -1
    for place, (index, length) in enumerate(measured.values_list("index", "octets")[: records + 1]):
        whole += length
        if place == records or (place and whole > octets):
            return rows.filter(index__lte=last).order_by("index"), index
        last = index
    return rows.filter(index__lte=last).order_by("index"), None


def _length(name: str) -> Func:
    return Func(F(name), function="octet_length", output_field=BigIntegerField())
