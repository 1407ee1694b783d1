"""The one writer. Marks become batches, batches reach the engine, and only then exactly those marks go.

The order is what makes a power cut harmless: whatever is lost between two steps is a mark that is still there, and
writing its document again changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

from search import locks, purging
from search.backends import backend
from search.batches import BATCH, batches_of, changes_for
from search.documents import INDEXES
from search.errors import RebuildRunning
from search.index_names import alias_for
from search.models import Mark
from search.registry import sources_of
from tenants.current import current_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.models import QuerySet

    from search.backends.base import Changes, SearchBackend
    from search.documents import IndexKind
    from search.index_names import Alias, IndexName

    Progress = Callable[[int, int], None]


def alias_of(index: IndexKind) -> Alias:
    """Return the alias of one index of the current unit; it belongs to this database and no other."""
    return alias_for(str(connection.settings_dict["NAME"]), current_unit().schema_name, index)


def is_due() -> bool:
    """Return whether the current unit has marks waiting or an index missing or outdated."""
    engine = backend()
    return any(
        _marks(index).filter(applied=False).exists()
        or _present(engine.live(alias_of(index))) is None
        or purging.due(index)
        for index in INDEXES
    )


def drain() -> int:
    """Bring both indexes of the current unit up to date; return how many marks were taken.

    An index that is missing or of another version is built first. When another process is writing, it takes these marks
    too and nothing is done here.

    Raises:
        EngineFault: the engine failed; the marks are kept for the next time.
    """
    return sum(_drain(index) for index in INDEXES)


def _drain(index: IndexKind) -> int:
    engine, alias, taken = backend(), alias_of(index), 0
    if _present(engine.live(alias)) is None:
        try:
            rebuild(index, patience=1.0)
        except RebuildRunning:
            return 0
    while count := _drain_batch(engine, alias):
        taken += count
    if notes := purging.due(index):
        try:
            rebuild(index, patience=1.0)
        except RebuildRunning:
            return taken
        purging.done(notes)
    return taken


def _drain_batch(engine: SearchBackend, alias: Alias) -> int:
    with transaction.atomic():
        if not locks.take_writer(alias):
            return 0
        name = _present(engine.live(alias))  # read under the lock: a switch holds it too
        if name is None:
            return 0
        is_building = locks.is_building(alias)
        marks = list(_marks(alias.index).filter(applied=False)[:BATCH])
        if marks:
            engine.write(name, changes_for(_wanted(marks)))
            taken = Mark.objects.filter(id__in=[mark.id for mark in marks])
            if is_building:
                taken.update(applied=True)
            else:
                taken.delete()
        if not is_building:
            _marks(alias.index).filter(applied=True).delete()  # kept for a rebuild that has died
        return len(marks)


def rebuild(
    index: IndexKind, progress: Progress | None = None, *, patience: float = 30.0
) -> IndexName:
    """Build an index of the current unit anew beside the one in use, then switch to it.

    Queries and drains go on meanwhile. What drains write to the index in use is marked as applied and kept; before the
    switch it is written to the new one too. Dying at any point leaves the index in use as it was.

    Args:
        index: which index.
        progress: called with documents done and documents there are.
        patience: seconds to wait for batches under way.

    Raises:
        RebuildRunning: another process rebuilds this index.
        EngineFault: the engine failed; the index in use is unchanged.
    """
    engine, alias = backend(), alias_of(index)
    with locks.building(alias, patience):
        before = engine.live(alias)
        for name in engine.names(alias):
            if name != before:
                engine.drop(name)  # left over from a rebuild that died; nobody else builds now
        fresh = alias.named(before.serial + 1 if before else 1)
        engine.create(fresh)
        engine.fill(fresh, _everything(index, progress or _silent))
        while _catch_up(engine, fresh):
            pass
        with transaction.atomic():
            locks.take_writer_patiently(alias)
            while _catch_up(engine, fresh):
                pass
            engine.write(
                fresh, changes_for({})
            )  # its version is now above that of the index in use
            engine.switch(fresh)
        if before is not None:
            engine.drop(before)
    return fresh


def _everything(index: IndexKind, progress: Progress) -> Iterator[Changes]:
    ids = {source: list(source.all_ids()) for source in sources_of(index)}
    done, total = 0, sum(map(len, ids.values()))
    progress(done, total)
    for source, of_source in ids.items():
        for count, changes in batches_of(source, of_source):
            yield changes
            done += count
            progress(done, total)


def _catch_up(engine: SearchBackend, fresh: IndexName) -> int:
    """Write to the new index what drains have written to the one in use since this rebuild began."""
    with transaction.atomic():
        marks = list(_marks(fresh.alias.index).filter(applied=True)[:BATCH])
        if marks:
            engine.write(fresh, changes_for(_wanted(marks)))
            Mark.objects.filter(id__in=[mark.id for mark in marks]).delete()
        return len(marks)


def _marks(index: IndexKind) -> QuerySet[Mark]:
    return Mark.objects.filter(source__in=[source.name for source in sources_of(index)]).order_by(
        "id"
    )


def _wanted(marks: list[Mark]) -> dict[str, list[str]]:
    wanted: dict[str, dict[str, None]] = {}
    for mark in marks:
        wanted.setdefault(mark.source, {})[mark.document] = None
    return {source: list(ids) for source, ids in wanted.items()}


def _present(name: IndexName | None) -> IndexName | None:
    return name if name is not None and name.is_present else None


def _silent(done: int, total: int) -> None:
    """Tell nobody."""
