"""One suite, two engines: whatever the interface promises, both keep, and they find the same documents.

The embedded engine runs always. Elasticsearch's client runs against ``ELASTICSEARCH_URL``; where there is none, against the
osmem-server wheel, an in-memory server that speaks the protocol. That proves our requests and how we read the answers,
the versions and the aliases; it does not prove Lucene's analysis, speed or cluster behaviour.
"""

from __future__ import annotations

import datetime
import os
import random
import secrets
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from osmem_server import OsmemServer

from search.backends.base import Changes, SearchBackend
from search.backends.elastic import ElasticBackend
from search.backends.embedded import EmbeddedBackend
from search.entries import make_entry, read_body
from search.errors import EngineFault
from search.index_names import Alias, IndexName, alias_for
from search.plan import Plan, make_plan, names_beginning, names_like, read_question
from search.query import FACETS, SearchRequest
from tests.support.search import note

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def elastic_address() -> Iterator[tuple[str, str]]:
    """A server's address and what kind it is."""
    if address := os.environ.get("ELASTICSEARCH_URL"):
        yield address, os.environ.get("ELASTICSEARCH_COMPAT", "elasticsearch")
        return
    with OsmemServer.start(japanese=False) as server:
        yield server.url, "opensearch"
        server.close()
        server.process.stdout.close()


@pytest.fixture(scope="module", params=["embedded", "elastic"])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SearchBackend:
    if request.param == "embedded":
        return EmbeddedBackend(tmp_path_factory.mktemp("indexes"))
    return ElasticBackend(
        *request.getfixturevalue("elastic_address")[:1],
        compat=request.getfixturevalue("elastic_address")[1],
    )


@pytest.fixture(scope="module")
def both(
    elastic_address: tuple[str, str], tmp_path_factory: pytest.TempPathFactory
) -> list[tuple[SearchBackend, Alias]]:
    """Both engines over the same entries."""
    address, compat = elastic_address
    engines = [
        EmbeddedBackend(tmp_path_factory.mktemp("both")),
        ElasticBackend(address, compat=compat),
    ]
    alias = new_alias()
    for engine in engines:
        name = alias.named(1)
        engine.create(name)
        engine.fill(
            name,
            [
                Changes(
                    version=1,
                    entries=tuple(make_entry("tests.notes", document) for document in CORPUS),
                )
            ],
        )
        engine.switch(name)
    return [(engine, alias) for engine in engines]


@pytest.fixture
def name(engine: SearchBackend) -> IndexName:
    """An empty index in use."""
    name = new_alias().named(1)
    engine.create(name)
    engine.switch(name)
    return name


def new_alias() -> Alias:
    return alias_for(f"t{secrets.token_hex(6)}", "unit_430522", "public")


def entries(*documents):
    return tuple(make_entry("tests.notes", document) for document in documents)


def ids(engine, alias, text="", **fields):
    request = SearchRequest(text=text, size=100, **fields)
    answer = engine.ask(alias, make_plan(request, read_question(text), FACETS))
    return {read_body(body, "public").id for body in answer.bodies}


def test_what_was_written_is_there_for_the_next_query(engine, name):
    engine.write(name, Changes(version=1, entries=entries(note("1", "修路"), note("2", "架桥"))))
    assert ids(engine, name.alias, "修路") == {"1"}
    assert ids(engine, name.alias) == {"1", "2"}


def test_an_entry_replaces_the_one_with_its_key(engine, name):
    engine.write(name, Changes(version=1, entries=entries(note("1", "修路"))))
    engine.write(name, Changes(version=2, entries=entries(note("1", "架桥"))))
    assert (ids(engine, name.alias, "修路"), ids(engine, name.alias, "架桥")) == (set(), {"1"})


def test_deleting_takes_out_and_what_is_not_there_is_no_fault(engine, name):
    engine.write(name, Changes(version=1, entries=entries(note("1"), note("2"))))
    engine.write(name, Changes(version=2, deleted=("tests.notes:1", "tests.notes:7")))
    assert ids(engine, name.alias) == {"2"}
    assert list(engine.keys(name)) == ["tests.notes:2"]


def test_a_batch_that_comes_late_changes_nothing_that_a_newer_one_wrote(engine, name):
    engine.write(
        name, Changes(version=5, entries=entries(note("1", "新的")), deleted=("tests.notes:2",))
    )
    engine.write(name, Changes(version=4, entries=entries(note("1", "旧的"), note("2", "旧的"))))
    assert "1" not in ids(engine, name.alias, "旧的")
    assert ids(engine, name.alias, "新的") == {"1"}
    assert ask_all(engine, name).version == 5


def test_writing_the_same_batch_again_is_harmless(engine, name):
    batch = Changes(version=3, entries=entries(note("1", "修路")), deleted=("tests.notes:2",))
    for _ in range(3):
        engine.write(name, batch)
    assert ask_all(engine, name).total == 1


def test_an_empty_batch_moves_the_version(engine, name):
    engine.write(name, Changes(version=1, entries=entries(note("1"))))
    engine.write(name, Changes(version=9))
    answer = ask_all(engine, name)
    assert (answer.total, answer.version, answer.name) == (1, 9, name)


def test_an_index_that_is_being_filled_is_not_asked_and_the_switch_is_whole(engine, name):
    engine.write(name, Changes(version=1, entries=entries(note("1"))))
    fresh = name.alias.named(2)
    engine.create(fresh)
    engine.fill(
        fresh,
        [
            Changes(version=2, entries=entries(note("2"))),
            Changes(version=3, entries=entries(note("3"))),
        ],
    )
    assert ids(engine, name.alias) == {"1"}
    assert engine.names(name.alias) == [name, fresh]
    engine.switch(fresh)
    assert (engine.live(name.alias), ids(engine, name.alias)) == (fresh, {"2", "3"})
    engine.drop(name)
    assert (engine.names(name.alias), ids(engine, name.alias)) == ([fresh], {"2", "3"})


def test_the_index_in_use_cannot_be_dropped(engine, name):
    with pytest.raises(EngineFault):
        engine.drop(name)
    assert engine.live(name.alias) == name


def test_without_an_index_there_is_no_answer(engine):
    alias = new_alias()
    assert (
        engine.live(alias),
        engine.names(alias),
        engine.ask(alias, Plan(match=names_like("王示例"))),
    ) == (None, [], None)


def test_an_index_of_another_version_is_not_asked(engine):
    alias = new_alias()
    old = IndexName(alias, "0" * 8, 1)
    engine.create(old)
    engine.switch(old)
    assert (engine.live(alias), engine.ask(alias, Plan(match=names_like("王示例")))) == (old, None)


def test_indexes_do_not_know_each_other(engine, name):
    other = new_alias().named(1)
    engine.create(other)
    engine.switch(other)
    engine.write(name, Changes(version=1, entries=entries(note("1"))))
    assert (ids(engine, other.alias), list(engine.keys(other))) == (set(), [])


def test_keys_and_health_count_every_document(engine, name):
    documents = [note(str(number)) for number in range(30)]
    engine.write(name, Changes(version=1, entries=entries(*documents)))
    assert sorted(engine.keys(name)) == sorted(f"tests.notes:{number}" for number in range(30))
    health = engine.health(name)
    assert (health.documents, health.faults) == (30, ())


def test_queries_go_on_while_batches_are_written(engine, name):
    engine.write(name, Changes(version=1, entries=entries(note("1", "修路"))))
    stop, seen, faults = threading.Event(), [], []

    def ask() -> None:
        while not stop.is_set():
            try:
                seen.append(ask_all(engine, name).total)
            except Exception as fault:  # noqa: BLE001  # the test reports whatever it was
                faults.append(fault)

    readers = [threading.Thread(target=ask) for _ in range(3)]
    for reader in readers:
        reader.start()
    for version in range(2, 12):
        engine.write(name, Changes(version=version, entries=entries(note(str(version), "修路"))))
    stop.set()
    for reader in readers:
        reader.join()
    assert not faults
    assert set(seen) <= set(range(1, 12))
    assert ask_all(engine, name).total == 11


def ask_all(engine, name):
    return engine.ask(name.alias, make_plan(SearchRequest(), read_question(""), FACETS))


# --- the same documents from both -----------------------------------------------------------------

WORDS = [
    "新邵县",
    "酿溪镇",
    "镇长",
    "公安局",
    "同志",
    "水泥路",
    "修通",
    "了",
    "的",
    "不",
    "一",
    "关于",
    "通知",
    "2026",
    "年",
    "abc",
    "國務院",
    "，。",
    "“好”",
    "𠮷野",
    "ａｂｃ",
    "é",
    "群众",
    "反映",
    "问题",
    "解决",
]
NAMES = [
    "曾示例",
    "单虚构",
    "翟演示",
    "仇样本",
    "解示例",
    "朴虚构",
    "区演示",
    "查样本",
    "盖示例",
    "吕虚构",
    "阿卜杜拉·买买提",
    "欧阳示例",
    "王示例",
    "李样本",
    "张演示",
    "𠮷示例",
]
UNITS = {"430500": "邵阳市", "430522": "新邵县", "430524": "隆回县"}


def _corpus():
    chance = random.Random(1)
    documents = []
    for number in range(60):
        unit = chance.choice(list(UNITS))
        documents.append(
            note(
                str(number), "".join(chance.choices(WORDS, k=20)), title="".join(chance.choices(WORDS, k=3)),
                names=tuple(chance.sample(NAMES, k=chance.randrange(3))), unit_code=unit, unit_name=UNITS[unit], kind=chance.choice(["entry", "official"]),
                source=chance.choice(["visit", "pledge", ""]), tags=tuple(chance.sample(["道路", "水利", "a\tb"], k=chance.randrange(3))),
                day=chance.choice([None, datetime.date(2024 + number % 3, 1 + number % 12, 1)]),
            )
        )  # fmt: skip
    return documents


CORPUS = _corpus()

texts = st.one_of(
    st.lists(
        st.sampled_from(
            [*WORDS, *NAMES, "zsl", "zeng", "ceng", "lv", "示例", '"', '"修通水"', " "]
        ),
        max_size=5,
    ).map("".join),
    st.text(max_size=12),
    st.sampled_from(CORPUS).flatmap(
        lambda d: st.integers(0, len(d.text) - 6).flatmap(
            lambda at: st.integers(2, 6).map(lambda n: f'"{d.text[at : at + n]}"')
        )
    ),
)
requests = st.builds(
    SearchRequest,
    text=texts,
    units=st.lists(st.sampled_from([*UNITS, "999999"]), max_size=2, unique=True).map(tuple),
    sources=st.lists(st.sampled_from(["visit", "pledge"]), max_size=2, unique=True).map(tuple),
    kinds=st.lists(st.sampled_from(["entry", "official"]), max_size=1).map(tuple),
    years=st.lists(st.sampled_from([2024, 2025, 2027]), max_size=2, unique=True).map(tuple),
    tags=st.lists(st.sampled_from(["道路", "a\tb"]), max_size=2, unique=True).map(tuple),
    day_from=st.sampled_from([None, datetime.date(2024, 5, 1)]),
    day_to=st.sampled_from([None, datetime.date(2025, 7, 1)]),
    size=st.just(100),
)


@example(SearchRequest(text="的", size=100))
@example(SearchRequest(text="国务院 zsl", years=(2024,), size=100))
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(request=requests)
def test_both_engines_find_and_count_the_same(both, request):
    first, second = (
        engine.ask(alias, make_plan(request, read_question(request.text), FACETS))
        for engine, alias in both
    )
    assert {read_body(body, "public").id for body in first.bodies} == {
        read_body(body, "public").id for body in second.bodies
    }
    assert first.total == second.total
    assert first.facets == second.facets


@pytest.mark.parametrize("newest", ["newest", "oldest"])
def test_both_engines_page_by_day_in_the_same_order(both, newest):
    days = []
    for engine, alias in both:
        plans = [
            make_plan(SearchRequest(sort=newest, size=20, page=page), read_question(""), ())
            for page in (1, 2, 3, 4)
        ]
        answers = [engine.ask(alias, plan) for plan in plans]
        days.append([read_body(body, "public").day for answer in answers for body in answer.bodies])
    assert days[0] == days[1]
    assert len(days[0]) == len(CORPUS)


@pytest.mark.parametrize(
    "text", ["曾实力", "阿不都拉", "wang", "ws", "示", "ouy", "lyux", "王示例"]
)
def test_both_engines_know_the_same_names(both, text):
    for plan in (
        Plan(match=names_like(text), limit=100),
        Plan(match=names_beginning(text), limit=100),
    ):
        first, second = (
            {read_body(body, "public").id for body in engine.ask(alias, plan).bodies}
            for engine, alias in both
        )
        assert first == second
