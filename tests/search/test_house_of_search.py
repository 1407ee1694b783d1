"""Registration, tasks, the command, names of indexes: the parts around the index."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from kombu.exceptions import OperationalError

from search import indexer, tasks
from search.backends import backend
from search.backends.embedded import EmbeddedBackend
from search.documents import Document
from search.errors import DocumentFault, EngineFault, SearchFault, SourceFault
from search.highlight import highlight, marking
from search.index_names import Alias, IndexName, alias_for, present_version
from search.indexer import alias_of, drain
from search.marks import mark
from search.models import Mark
from search.plan import read_question
from search.query import SearchRequest
from search.registry import register_source, sources_of
from search.service import search, version
from tenants.current import unit_context
from tests.support.search import MemorySource, note


def put(source, *documents):
    source.put(*documents)
    with transaction.atomic():
        mark(source.name, [document.id for document in documents])


# --- sources and documents -------------------------------------------------------------------------


class Incomplete:
    name = "tests.incomplete"
    index = "public"

    def load(self, ids):
        return []


class WrongArguments(Incomplete):
    def all_ids(self, since):
        return []


@pytest.mark.parametrize(
    "source",
    [
        Incomplete(),
        WrongArguments(),
        MemorySource("Notes"),
        MemorySource("notes"),
        MemorySource("tests." + "x" * 60),
        MemorySource(index="secret"),  # type: ignore[arg-type]  # what the check is for
    ],
)
def test_a_source_that_is_not_one_is_refused_when_it_registers(source):
    before = sources_of("public")
    with pytest.raises(SourceFault):
        register_source(source)
    assert sources_of("public") == before


def test_a_name_belongs_to_one_kind_of_source(notes):
    register_source(MemorySource(notes.name))

    class Other(MemorySource):
        pass

    with pytest.raises(SourceFault):
        register_source(Other(notes.name))


def test_nobody_marks_for_a_source_that_is_not_registered(county):
    with unit_context(county), pytest.raises(SourceFault):
        mark("tests.nobody", ["1"])


@pytest.mark.parametrize(
    "fields", [{"id_": ""}, {"id_": "a/b"}, {"id_": "中"}, {"id_": "x" * 121}, {"index": "secret"}, {"kind": ""}, {"title": ""}, {"url": ""}, {"unit_code": ""}, {"text": "x" * 1_000_001}]
)  # fmt: skip
def test_a_document_out_of_shape_is_refused(fields):
    with pytest.raises(DocumentFault):
        note(**{"id_": "1", **fields})


class OneIsBad(MemorySource):
    def load(self, ids):
        for document in super().load(ids):
            yield Document(**{**vars(document), "title": ""}) if document.id == "bad" else document


def test_a_document_that_cannot_be_made_keeps_no_other_one_out(sources, county, caplog):
    source = sources()
    source.__class__ = OneIsBad
    with unit_context(county):
        put(source, note("1"), note("bad"), note("2"))
        drain()
        assert search("public", SearchRequest()).total == 2
        assert not Mark.objects.exists()
    assert "tests.notes:bad" in caplog.text


# --- names of indexes -----------------------------------------------------------------------------


def test_a_name_is_read_as_it_was_built():
    name = alias_for("Minqing-Test", "unit_430522", "internal").named(12)
    assert IndexName.parse(str(name)) == name
    assert re.fullmatch(r"minqing_test-unit_430522-internal-[0-9a-f]{8}-000012", str(name))
    assert name.version == present_version()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "minqing",
        "minqing-unit-secret-00000000-000001",
        "a-b-public-00000000-1",
        "../x-b-public-00000000-000001",
        "A-b-public-00000000-000001",
    ],
)
def test_other_names_are_not_ours(text):
    assert IndexName.parse(text) is None


def test_no_alias_can_be_made_of_letters_that_lead_elsewhere():
    for schema in ("../other", "unit-1", "", "单位"):
        with pytest.raises(SearchFault):
            Alias("minqing", schema, "public")


# --- tasks ------------------------------------------------------------------------------------------


def test_the_sweep_drains_every_unit_with_marks_and_one_units_fault_stops_no_other(
    notes, county, neighbour, city, monkeypatch, caplog
):
    for unit in (county, neighbour, city):
        with unit_context(unit):
            put(notes, note("1"))
    real = indexer.drain

    def fail_in_one():
        if alias_of("public").schema == neighbour.schema_name:
            raise EngineFault("the disk is full")
        return real()

    monkeypatch.setattr(indexer, "drain", fail_in_one)
    tasks.drain_all()
    left = {}
    for unit in (county, neighbour, city):
        with unit_context(unit):
            left[unit.code] = Mark.objects.count()
    assert left == {"430500": 0, "430522": 0, "430524": 1}
    assert "430524 could not be brought up to date" in caplog.text


def test_a_unit_with_nothing_to_do_is_not_drained(notes, county, monkeypatch):
    tasks.drain_all()
    monkeypatch.setattr(indexer, "drain", lambda: pytest.fail("nothing is due"))
    tasks.drain_all()


def test_the_drain_is_asked_for_after_the_commit_only(
    notes, county, monkeypatch, django_capture_on_commit_callbacks
):
    sent = []
    monkeypatch.setattr(
        tasks.current_app, "send_task", lambda *args, **kwargs: sent.append((args, kwargs))
    )
    with unit_context(county), django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            tasks.drain_soon()
        assert sent == []
    assert sent == [
        (
            ("search.tasks.drain",),
            {"args": [county.schema_name], "queue": "index", "retry": False, "ignore_result": True},
        )
    ]


@pytest.mark.parametrize(
    "fault", [OperationalError("refused"), ConnectionRefusedError("refused"), OSError("disk full")]
)
def test_a_queue_that_is_away_harms_nothing(
    notes, county, monkeypatch, django_capture_on_commit_callbacks, caplog, fault
):
    def refuse(*args, **kwargs):
        raise fault

    monkeypatch.setattr(tasks.current_app, "send_task", refuse)
    with unit_context(county):
        with django_capture_on_commit_callbacks(execute=True):
            put(notes, note("1"))
            tasks.drain_soon()
        assert "the sweep will take it" in caplog.text
        tasks.drain_all()
        assert search("public", SearchRequest()).total == 1


# --- the command ------------------------------------------------------------------------------------


def test_rebuild_shows_progress_and_doctor_is_content(notes, county, capsys):
    with unit_context(county):
        notes.put(*(note(str(number)) for number in range(3)))
    call_command("search", "rebuild", "--unit", county.code)
    shown = capsys.readouterr()
    assert "3 of 3 documents (100 %)" in shown.err
    assert "is in use" in shown.out
    call_command("search", "doctor", "--unit", county.code)
    assert "hold what the database says" in capsys.readouterr().out
    call_command("search", "query", county.code, "号记录", "--json")
    assert json.loads(capsys.readouterr().out)["total"] == 3


def test_doctor_names_what_is_missing_and_what_should_not_be_there(notes, county, capsys):
    with unit_context(county):
        put(notes, note("1"), note("2"))
        drain()
        notes.put(note("3"))
        notes.documents.pop("1")
        with pytest.raises(CommandError):
            call_command("search", "doctor", "--unit", county.code, "--json")
        faults = [
            row["fault"] for row in json.loads(capsys.readouterr().out) if row["index"] == "public"
        ]
        assert faults == [
            "1 documents are missing: tests.notes:3.",
            "1 documents should not be there any more: tests.notes:1.",
        ]
        with transaction.atomic():
            mark(notes.name, ["1", "3"])
        call_command("search", "doctor", "--unit", county.code)


def test_doctor_finds_files_that_belong_to_nothing_and_marks_of_nobody(
    notes, county, search_home, capsys
):
    with unit_context(county):
        drain()
        name = backend().live(alias_of("public"))
        (search_home / str(name) / ("f" * 32 + ".store")).write_bytes(b"left over")
        Mark.objects.create(source="tests.vanished", document="1")
    with pytest.raises(CommandError):
        call_command("search", "doctor", "--unit", county.code)
    out = capsys.readouterr().out
    assert "1 files (9 octets) belong to no segment" in out
    assert "tests.vanished wait" in out


def test_without_an_index_the_command_says_what_to_do(county, search_home, capsys):
    with pytest.raises(CommandError, match="search rebuild"):
        call_command("search", "query", county.code, "路")
    with pytest.raises(CommandError):
        call_command("search", "doctor", "--unit", county.code)
    assert "There is no index. Run `minqing search rebuild`." in capsys.readouterr().out


def test_the_version_is_empty_without_an_index_and_that_of_an_answer_with_one(notes, county):
    with unit_context(county):
        assert version("public") == ""
        put(notes, note("1"))
        drain()
        assert version("public") == search("public", SearchRequest()).version


# --- around ---------------------------------------------------------------------------------------------


def test_indexes_are_readable_by_their_owner_only(notes, county, search_home):
    with unit_context(county):
        drain()
    for folder in search_home.iterdir():
        if folder.is_dir():
            assert folder.stat().st_mode & 0o077 == 0


def test_a_state_folder_that_cannot_be_written_is_a_fault_and_no_trace(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file stands where the folder should be")
    with pytest.raises(EngineFault):
        EmbeddedBackend(blocked).create(alias_for("t", "unit_1", "public").named(1))


def test_marking_takes_no_markup_for_granted():
    text = "<script>新邵县</script>&amp;\"'"
    pieces = highlight(text, marking(read_question("新邵县 script"), ()))
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.text for piece in pieces if piece.is_match] == ["script", "新邵县", "script"]
