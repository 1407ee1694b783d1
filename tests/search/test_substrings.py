"""Every piece of an indexed text finds it when it is quoted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.backends.base import Changes
from search.backends.embedded import EmbeddedBackend
from search.entries import make_entry
from search.index_names import alias_for
from search.plan import make_plan, read_question
from search.query import SearchRequest
from search.text import fold
from tests.support.search import note

ALIAS = alias_for("test", "unit_430522", "public")
positions = itertools.count(1)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    engine = EmbeddedBackend(tmp_path_factory.mktemp("substrings"))
    engine.create(ALIAS.named(1))
    engine.switch(ALIAS.named(1))
    return engine


def total(engine, text):
    return engine.ask(ALIAS, make_plan(SearchRequest(text=text), read_question(text), ())).total


han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF) | st.sampled_from(
    "的一不是了新邵县𠮷𪚥〇國"
)
marks = st.sampled_from("，。！？、；：（）《》—…·.,-%&/\\'*?~^:+[]{}|()!@#")
letters = st.characters(categories=["L", "N"], exclude_characters="\u3099\u309a")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(han | marks | letters | st.just(" "), min_size=2, max_size=40))
def test_every_substring_of_two_to_six_characters_finds_its_text(engine, text):
    engine.write(
        ALIAS.named(1),
        Changes(version=next(positions), entries=(make_entry("t.t", note("1", text, title="无")),)),
    )
    pieces = {
        text[start : start + length]
        for length in range(2, 7)
        for start in range(len(text) - length + 1)
    }
    for piece in pieces:
        if fold(piece).strip():
            assert total(engine, f'"{piece}"') == 1, piece


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=st.text(st.sampled_from("的一不是了新邵县，a1"), min_size=1, max_size=40),
    asked=st.text(st.sampled_from("的一不是了新邵县，a1"), min_size=1, max_size=6),
)
def test_a_quoted_piece_finds_the_text_exactly_when_it_stands_there(engine, text, asked):
    engine.write(
        ALIAS.named(1),
        Changes(
            version=next(positions),
            entries=(make_entry("t.t", note("1", text, title="无", unit_name="无")),),
        ),
    )
    assert (total(engine, f'"{asked}"') == 1) == (fold(asked) in fold(text))


def test_no_phrase_reaches_from_title_into_text_or_from_name_to_name(engine):
    document = note("1", "邵县城", title="标题新", names=("王示", "例李"), unit_name="无")
    engine.write(
        ALIAS.named(1), Changes(version=next(positions), entries=(make_entry("t.t", document),))
    )
    assert [
        total(engine, f'"{piece}"')
        for piece in ("题新", "邵县", "新邵县", "王示例", "示例李", "新王")
    ] == [1, 1, 0, 0, 0, 0]
    assert total(engine, "示例") == 0
