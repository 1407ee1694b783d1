"""Power cuts, forks and writers in each other's way: nothing is lost, nothing half-written is seen."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time

import pytest
from django.db import connection, connections, transaction

from search import indexer, locks
from search.backends import backend
from search.backends.base import Changes
from search.backends.embedded import EmbeddedBackend
from search.doctor import examine
from search.entries import make_entry
from search.errors import EngineFault, RebuildRunning, WriterBusy
from search.index_names import IndexName, alias_for
from search.indexer import alias_of, drain, rebuild
from search.marks import mark
from search.models import Mark
from search.plan import make_plan, read_question
from search.query import SearchRequest
from search.service import search
from tenants.current import unit_context
from tests.support.search import MemorySource, note

fork = multiprocessing.get_context("fork")
ALIAS = alias_for("test", "unit_430522", "public")
PER_BATCH = 20


@pytest.fixture
def engine(tmp_path):
    engine = EmbeddedBackend(tmp_path / "indexes")
    engine.create(ALIAS.named(1))
    engine.switch(ALIAS.named(1))
    return engine


def batch(version):
    """Every batch writes the same keys: a whole state has one text and one only."""
    return Changes(
        version=version,
        entries=tuple(make_entry("t.t", note(str(n), f"第{version}批")) for n in range(PER_BATCH)),
    )


def ask(engine, text=""):
    return engine.ask(ALIAS, make_plan(SearchRequest(text=text, size=100), read_question(text), ()))


def within(seconds, condition):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def start(function, *arguments):
    process = fork.Process(target=function, args=arguments)
    process.start()
    return process


def finish(process):
    process.join(60)
    assert process.exitcode == 0
    process.close()


def write_for_ever(root, version):
    engine = EmbeddedBackend(root)
    while True:
        version += 1
        engine.write(ALIAS.named(1), batch(version))


def test_a_writer_killed_at_any_moment_leaves_whole_batches_and_no_lock(engine):
    chance = random.Random()
    engine.write(ALIAS.named(1), batch(1))
    for _ in range(12):
        before = ask(engine).version
        process = start(write_for_ever, engine.root, before)
        assert within(30, lambda before=before: ask(engine).version > before)
        time.sleep(chance.random() * 0.05)  # the moment of death is the experiment
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        process.close()
        fresh = EmbeddedBackend(engine.root)
        answer = ask(fresh)
        assert answer.total == PER_BATCH
        assert len({body.split("第")[2] for body in answer.bodies}) == 1
        engine.write(
            ALIAS.named(1), batch(answer.version + 2)
        )  # at once: no stale lock, and repeated batches are harmless
        assert ask(engine, f'"第{answer.version + 2}批"').total == PER_BATCH
    assert engine.health(ALIAS.named(1)).documents == PER_BATCH


def test_a_second_writer_is_told_so_and_changes_nothing(engine):
    engine.write(ALIAS.named(1), batch(1))
    with engine._writer(ALIAS.named(1), 20_000_000), pytest.raises(WriterBusy):
        EmbeddedBackend(engine.root).write(ALIAS.named(1), batch(2))
    assert ask(engine).version == 1


def see_versions(engine, ready, done, last):
    ask(engine)
    ready.set()
    assert within(30, lambda: ask(engine).version == last)
    assert ask(engine, f'"第{last}批"').total == PER_BATCH
    done.set()


def test_a_process_forked_with_open_readers_sees_commits_made_after_the_fork(engine):
    engine.write(ALIAS.named(1), batch(1))
    assert ask(engine).version == 1
    readers = []
    for _ in range(3):
        ready, done = fork.Event(), fork.Event()
        readers.append((start(see_versions, engine, ready, done, 5), done))
        assert ready.wait(30)
    for version in range(2, 6):
        engine.write(ALIAS.named(1), batch(version))
    for process, done in readers:
        assert done.wait(30)
        finish(process)


def test_a_reader_that_holds_an_index_dropped_meanwhile_goes_on_with_the_new_one(engine):
    engine.write(ALIAS.named(1), batch(1))
    reader = EmbeddedBackend(engine.root)
    assert ask(reader).version == 1
    engine.create(ALIAS.named(2))
    engine.fill(ALIAS.named(2), [batch(7)])
    engine.switch(ALIAS.named(2))
    engine.drop(ALIAS.named(1))
    assert (ask(reader).name, ask(reader).version, ask(reader).total) == (
        ALIAS.named(2),
        7,
        PER_BATCH,
    )


def test_a_pointer_without_files_is_a_fault_that_says_what_to_do(engine):
    engine.switch(ALIAS.named(9))
    with pytest.raises(EngineFault, match="minqing search rebuild"):
        ask(engine)


# --- with the database -------------------------------------------------------------------------


class Generated(MemorySource):
    """Documents made from their id, so that every process has the same ones."""

    def load(self, ids):
        return [note(id_, f"记录{id_}号 修路") for id_ in ids if not id_.startswith("gone")]

    def all_ids(self):
        return [str(number) for number in range(1500)]


@pytest.fixture
def generated(sources, search_home, fresh_database, county):
    source = sources()
    source.__class__ = Generated
    with unit_context(county):
        yield source


def put_marks(source, ids):
    with transaction.atomic():
        mark(source.name, ids)


def drain_in_child(unit):
    with unit_context(unit):
        indexer.drain()


def test_an_indexer_killed_at_any_moment_loses_no_mark(generated, county):
    drain()
    put_marks(generated, [str(number) for number in range(1500)])
    put_marks(generated, [f"gone{number}" for number in range(10)])
    chance = random.Random()
    deaths = 0
    while Mark.objects.exists() and deaths < 40:
        connections.close_all()
        process = start(drain_in_child, county)
        process.join(0.02 + chance.random() * min(0.5, 0.1 + deaths * 0.02))
        if process.exitcode is None:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            deaths += 1
        process.close()
        connection.set_tenant(county)
    assert deaths
    drain()
    assert not Mark.objects.exists()
    assert search("public", SearchRequest(text="修路")).total == 1500
    assert search("public", SearchRequest(text='"记录777号"')).total == 1
    assert examine() == []


def test_nothing_that_changes_during_a_rebuild_is_lost(
    sources, search_home, fresh_database, county
):
    source = sources()
    with unit_context(county):
        source.put(*(note(str(number), "旧路") for number in range(1200)))
        put_marks(source, list(source.documents))
        drain()
        before = search("public", SearchRequest(text="旧路"))
        assert before.total == 1200
        written, faults = [], []

        def change(number: int) -> None:
            """Another process's work: change one document, withdraw one, make one, and let the drain run."""
            try:
                with unit_context(county):
                    source.put(note(str(number), "新路"), note(f"new{number}", "新路"))
                    source.documents.pop(str(number + 100))
                    put_marks(source, [str(number), f"new{number}", str(number + 100)])
                    assert drain() == 3
                    assert (
                        search("public", SearchRequest(text="新路")).total == 2 * len(written) + 2
                    )
                    written.append(number)
            except BaseException as fault:
                faults.append(fault)
                raise
            finally:
                connections.close_all()

        def progress(done: int, total: int) -> None:
            thread = threading.Thread(target=change, args=(len(written),))
            thread.start()
            thread.join()

        fresh = rebuild("public", progress)
        assert not faults
        assert len(written) >= 4
        assert backend().live(alias_of("public")) == fresh
        assert fresh.serial == 2
        after = search("public", SearchRequest(text="新路"))
        assert after.total == 2 * len(written)
        assert search("public", SearchRequest()).total == 1200
        assert after.version != before.version
        assert not Mark.objects.exists()
        assert examine() == []


def test_a_rebuild_that_dies_leaves_the_index_in_use_and_the_next_one_clears_up(generated):
    drain()
    put_marks(generated, ["1", "2"])
    drain()
    live = backend().live(alias_of("public"))

    def die(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild("public", die)
    assert backend().live(alias_of("public")) == live
    assert search("public", SearchRequest()).total
    assert any("not in use" in finding.fault for finding in examine())
    rebuild("public")
    assert backend().names(alias_of("public")) == [live.alias.named(live.serial + 1)]
    assert examine() == []


def test_marks_kept_for_a_rebuild_that_died_go_with_the_next_drain(generated):
    drain()
    Mark.objects.create(source=generated.name, document="1", applied=True)
    put_marks(generated, ["2"])
    drain()
    assert not Mark.objects.exists()


def test_only_one_rebuild_runs_and_a_drain_does_not_wait_for_it(generated, county):
    drain()
    held, release, refused = threading.Event(), threading.Event(), []

    def hold() -> None:
        with unit_context(county), locks.building(alias_of("public"), 5):
            held.set()
            release.wait(30)
        connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    with pytest.raises(RebuildRunning):
        rebuild("public", patience=0.1)
    put_marks(generated, ["5"])
    assert drain() == 1
    assert search("public", SearchRequest(text='"记录5号"')).total == 1
    assert list(Mark.objects.values_list("document", "applied")) == [("5", True)]
    release.set()
    thread.join()
    drain()
    assert not refused
    assert not Mark.objects.exists()


def test_two_drains_at_once_do_the_work_once(generated, county):
    drain()
    put_marks(generated, [str(number) for number in range(300)])
    taken = []

    def work() -> None:
        with unit_context(county):
            taken.append(drain())
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.append(drain())
    assert sum(taken) == 300
    assert search("public", SearchRequest()).total == 1500


def test_an_engine_that_fails_keeps_the_marks(generated, monkeypatch):
    drain()
    put_marks(generated, ["1"])

    def fail(*arguments: object) -> None:
        raise EngineFault("the disk is full")

    monkeypatch.setattr(EmbeddedBackend, "write", fail)
    with pytest.raises(EngineFault):
        drain()
    assert Mark.objects.count() == 1
    monkeypatch.undo()
    assert drain() == 1


def test_an_index_of_an_older_version_is_built_anew_by_the_drain(generated):
    drain()
    engine, alias = backend(), alias_of("public")
    old = IndexName(alias, "0" * 8, 7)
    engine.create(old)
    engine.switch(old)
    assert not search("public", SearchRequest()).ready
    assert indexer.is_due()
    drain()
    assert search("public", SearchRequest()).total == 1500
    assert (engine.live(alias).serial, engine.live(alias).is_present) == (8, True)


def test_the_files_lost_are_noticed_and_a_rebuild_mends_them(generated, search_home):
    drain()
    name = backend().live(alias_of("public"))
    for path in (search_home / str(name)).glob("*.term"):
        path.unlink()
    assert examine()
    rebuild("public")
    assert examine() == []
    assert search("public", SearchRequest()).total == 1500
