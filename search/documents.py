"""What can be found: one document, as the app that owns it describes it. No business model crosses this line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from search.errors import DocumentFault

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

IndexKind = Literal["public", "internal"]
INDEXES: tuple[IndexKind, ...] = ("public", "internal")
"""The two indexes of every unit. They never share a file, and a query names exactly one of them."""

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._~-]{0,119}")
TEXT_LIMIT = 1_000_000
"""Characters of a text that are indexed; longer documents are refused, never cut in silence."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One thing that can be found.

    Only what may be shown to whoever searches ``index`` belongs here: all of it is kept in the index
    and can come back in a hit.

    Raises:
        DocumentFault: a field does not have its shape.
    """

    id: str
    """Unique within its source: ASCII letters, digits, ``. _ ~ -``; at most 120."""

    index: IndexKind
    """The only index it may enter; must be the source's own."""

    kind: str
    """What it is, for the facet 类别: ``official``, ``entry`` …"""

    title: str
    """The line people click."""

    url: str
    """Where it is shown, as the page links to it."""

    unit_code: str
    """Code of the unit it belongs to (ours or a followed one)."""

    unit_name: str
    """Name of that unit as it should be shown."""

    names: tuple[str, ...] = ()
    """Names that are found by part, pinyin, initials and sound: the person, the office."""

    text: str = ""
    """Everything else that is searched."""

    source: str = ""
    """Where it comes from, for the facet 来源: ``inspection``, ``pledge`` …; empty for none."""

    day: datetime.date | None = None
    """The day it speaks of: filters, the facet 年份, and the order by date."""

    tags: tuple[str, ...] = ()
    """Further facet values."""

    extra: Mapping[str, str] = field(default_factory=dict)
    """Carried into the hit and never searched, for example ``origin`` and ``commitment`` for the proof."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise DocumentFault(
                f"The document id {self.id!r} must be 1 to 120 ASCII letters, digits, '.', '_', '~' or '-'."
            )
        if self.index not in INDEXES:
            raise DocumentFault(
                f"The document {self.id} names the index {self.index!r}: there are {' and '.join(INDEXES)}."
            )
        for name in ("kind", "title", "url", "unit_code", "unit_name"):
            if not getattr(self, name):
                raise DocumentFault(f"The document {self.id} needs its {name}.")
        if len(self.text) > TEXT_LIMIT:
            raise DocumentFault(
                f"The text of {self.id} has {len(self.text)} characters; {TEXT_LIMIT} can be indexed."
            )

    @property
    def year(self) -> int | None:
        """Year of ``day``."""
        return self.day.year if self.day is not None else None
