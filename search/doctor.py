"""Does the index hold what the database says, and are its files whole? Every finding says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.backends import backend
from search.documents import INDEXES
from search.entries import entry_key
from search.errors import EngineFault
from search.indexer import alias_of
from search.models import Mark
from search.registry import sources_of

if TYPE_CHECKING:
    from search.backends.base import SearchBackend
    from search.documents import IndexKind
    from search.index_names import IndexName

_REBUILD = "Run `minqing search rebuild`."
_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be."""

    index: IndexKind | None
    fault: str
    remedy: str


def examine() -> list[Finding]:
    """Examine both indexes of the current unit; an empty list means all is well."""
    findings = [finding for index in INDEXES for finding in _examine_index(index)]
    known = [source.name for index in INDEXES for source in sources_of(index)]
    strangers = Mark.objects.exclude(source__in=known).values_list("source", flat=True).distinct()
    findings += [
        Finding(
            index=None,
            fault=f"Changes of the source {name} wait, and no app registers it.",
            remedy="Install the app again, or delete its marks.",
        )
        for name in strangers.order_by("source")
    ]
    return findings


def _examine_index(index: IndexKind) -> list[Finding]:
    engine, alias = backend(), alias_of(index)
    try:
        name = engine.live(alias)
        if name is None:
            return [Finding(index=index, fault="There is no index.", remedy=_REBUILD)]
        if not name.is_present:
            return [
                Finding(
                    index=index, fault="The index was made by another version.", remedy=_REBUILD
                )
            ]
        health = engine.health(name)
        findings = [Finding(index=index, fault=fault, remedy=_REBUILD) for fault in health.faults]
        if health.documents or not health.faults:
            findings += _compare(engine, name, index)
        findings += [
            Finding(
                index=index,
                fault=f"{other} is not in use.",
                remedy="A rebuild is running, or died: the next one removes it.",
            )
            for other in engine.names(alias)
            if other != name
        ]
    except EngineFault as fault:
        findings = [
            Finding(
                index=index,
                fault=f"The engine does not answer: {fault}",
                remedy="Start it, or mend its files with `minqing search rebuild`.",
            )
        ]
    return findings


def _compare(engine: SearchBackend, name: IndexName, index: IndexKind) -> list[Finding]:
    wanted = {
        entry_key(source.name, id_) for source in sources_of(index) for id_ in source.all_ids()
    }
    held = set(engine.keys(name))
    waiting = {entry_key(mark.source, mark.document) for mark in Mark.objects.all()}
    missing, superfluous = sorted(wanted - held - waiting), sorted(held - wanted - waiting)
    findings = []
    if missing:
        findings.append(
            Finding(
                index=index,
                fault=f"{len(missing)} documents are missing: {_some(missing)}.",
                remedy=_REBUILD,
            )
        )
    if superfluous:
        fault = f"{len(superfluous)} documents should not be there any more: {_some(superfluous)}."
        findings.append(Finding(index=index, fault=fault, remedy=_REBUILD))
    return findings


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (" …" if len(keys) > _SHOWN else "")
