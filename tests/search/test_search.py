"""What people find: through the service, on a real index."""

from __future__ import annotations

import datetime

import pytest
from django.db import transaction

from search.errors import OutsideTransaction, QueryFault
from search.indexer import drain
from search.marks import mark
from search.models import Mark
from search.query import SearchRequest
from search.service import search, suggest
from tenants.current import unit_context
from tests.support.search import note


@pytest.fixture
def home(county, notes):
    with unit_context(county):
        yield notes


def publish(source, *documents):
    source.put(*documents)
    with transaction.atomic():
        mark(source.name, [document.id for document in documents])
    drain()


def ids(text="", index="public", **fields):
    return {hit.id for hit in search(index, SearchRequest(text=text, **fields)).hits}


def counts(result, facet):
    return {value.value: value.count for value in result.facets[facet]}


def test_a_changed_document_is_found_after_the_drain_and_its_mark_is_gone(home):
    publish(home, note("1", "修通了通往酿溪镇的水泥路"))
    assert ids("水泥路") == {"1"}
    assert not Mark.objects.exists()
    publish(home, note("1", "架设了路灯"))
    assert ids("水泥路") == set()
    assert ids("路灯") == {"1"}


def test_a_document_its_source_does_not_return_any_more_is_not_found(home):
    publish(home, note("1", "修路"), note("2", "修路"))
    home.documents.pop("1")
    with transaction.atomic():
        mark(home.name, ["1"])
    drain()
    assert ids("修路") == {"2"}


def test_a_mark_needs_the_transaction_that_changes_the_document(fresh_database, county, notes):
    with unit_context(county), pytest.raises(OutsideTransaction):
        mark(notes.name, ["1"])


def test_a_change_that_is_rolled_back_is_not_marked(home):
    with transaction.atomic():
        mark(home.name, ["1"])
        transaction.set_rollback(True)
    assert not Mark.objects.exists()


def test_a_query_of_the_public_index_never_reaches_an_internal_document(county, sources):
    public, internal = sources("tests.open", "public"), sources("tests.closed", "internal")
    with unit_context(county):
        publish(public, note("1", "公开的话"))
        publish(internal, note("2", "内部的话", index="internal", names=("王示例",)))
        everything = {"", "话", "内部", '"内部的话"', "王示例", "wsl", "的"}
        assert set().union(*(ids(text) for text in everything)) == {"1"}
        assert suggest("public", "王") == []
        assert suggest("internal", "王") == ["王示例"]
        assert ids("话", index="internal") == {"2"}


def test_a_source_that_returns_a_document_for_the_other_index_gets_it_left_out(
    county, sources, caplog
):
    public = sources("tests.open", "public")
    with unit_context(county):
        publish(public, note("1", "公开"), note("2", "公开", index="internal"), note("3", "公开"))
        assert ids("公开") == {"1", "3"}
    assert "tests.open:2 is left out" in caplog.text


def test_units_do_not_find_each_others_documents(county, neighbour, notes):
    with unit_context(county):
        publish(notes, note("1", "修路"))
    with unit_context(neighbour):
        assert not search("public", SearchRequest(text="修路")).ready
        drain_without_marks = search("public", SearchRequest(text="修路"))
        assert drain_without_marks.total == 0


def test_any_value_within_a_facet_and_all_facets_across(home):
    publish(
        home,
        note("1", unit_code="430522", source="visit", day=datetime.date(2025, 1, 2)),
        note(
            "2",
            unit_code="430524",
            unit_name="隆回县",
            source="visit",
            day=datetime.date(2026, 1, 2),
        ),
        note(
            "3",
            unit_code="430500",
            unit_name="邵阳市",
            source="pledge",
            day=datetime.date(2026, 5, 2),
        ),
    )
    assert ids(units=("430522", "430524")) == {"1", "2"}
    assert ids(units=("430522", "430524"), years=(2026,)) == {"2"}
    assert ids(sources=("pledge",), units=("430522",)) == set()
    assert ids(day_from=datetime.date(2026, 1, 2), day_to=datetime.date(2026, 5, 1)) == {"2"}


def test_a_facet_is_counted_without_its_own_filter_and_with_the_others(home):
    publish(
        home,
        note("1", source="visit", tags=("道路", "水利")),
        note("2", source="pledge", tags=("道路",)),
        note("3", source="pledge", unit_code="430524", unit_name="隆回县"),
    )
    result = search("public", SearchRequest(sources=("pledge",), units=("430522",)))
    assert result.total == 1
    assert counts(result, "source") == {"visit": 1, "pledge": 1}
    assert counts(result, "unit") == {"430522": 1, "430524": 1}
    assert counts(result, "tag") == {"道路": 1}
    units = {value.value: (value.label, value.chosen) for value in result.facets["unit"]}
    assert units == {"430522": ("新邵县", True), "430524": ("隆回县", False)}


def test_a_chosen_value_that_nothing_has_stays_in_the_list_with_zero(home):
    publish(home, note("1", source="visit"))
    assert counts(search("public", SearchRequest(sources=("order",))), "source") == {
        "visit": 1,
        "order": 0,
    }


def test_pages_hold_every_hit_once_and_the_newest_first(home):
    publish(
        home,
        *(
            note(str(n), "修路", day=datetime.date(2026, 1, 1) + datetime.timedelta(days=n))
            for n in range(25)
        ),
    )
    pages = [
        search("public", SearchRequest(text="修路", sort="newest", page=page, size=10))
        for page in (1, 2, 3)
    ]
    assert [hit.id for page in pages for hit in page.hits] == [str(n) for n in reversed(range(25))]
    assert {page.pages for page in pages} == {3}
    oldest = search("public", SearchRequest(text="修路", sort="oldest", size=3))
    assert [hit.id for hit in oldest.hits] == ["0", "1", "2"]
    assert search("public", SearchRequest(text="修路", page=99)).hits == ()


def test_the_name_itself_ranks_before_those_that_mention_it(home):
    publish(
        home,
        *(note(str(n), "王示例王示例王示例同志") for n in range(5)),
        note("9", "简历", kind="official", title="王示例", names=("王示例",)),
    )
    assert search("public", SearchRequest(text="王示例")).hits[0].id == "9"


def test_hits_carry_what_their_line_needs_and_marks_on_the_original_text(home):
    text = "開頭" * 100 + "在<b>新邵縣</b>公安局　調研" + "結尾" * 100
    publish(
        home,
        note(
            "1",
            text,
            title="关于酿溪镇的调研",
            names=("王示例",),
            extra={"commitment": "ab"},
            source="visit",
            tags=("治安",),
        ),
    )
    (hit,) = search("public", SearchRequest(text="新邵县 调研")).hits
    assert (hit.kind, hit.url, hit.unit_code, hit.unit_name, hit.source) == (
        "entry",
        "/entries/1/",
        "430522",
        "新邵县",
        "visit",
    )
    assert (hit.day, hit.tags, hit.extra["commitment"]) == (
        datetime.date(2026, 3, 1),
        ("治安",),
        "ab",
    )
    assert [s.text for s in hit.excerpt_segments if s.is_match] == ["新邵縣", "調研"]
    assert "".join(s.text for s in hit.excerpt_segments).strip("…") in text
    assert "".join(s.text for s in hit.title_segments) == hit.title
    assert [s.text for s in hit.title_segments if s.is_match] == ["调研"]


def test_an_excerpt_keeps_to_the_line_of_the_first_match(home):
    publish(home, note("1", "桥修好了。\n县督查室\n" + "路" * 200 + "灯也亮了。"))

    def excerpt(text):
        (hit,) = search("public", SearchRequest(text=text)).hits
        return "".join(segment.text for segment in hit.excerpt_segments)

    assert excerpt("桥") == "桥修好了。"
    assert excerpt("督查室") == "县督查室"
    assert excerpt("灯也") == "…" + "路" * 30 + "灯也亮了。"
    assert excerpt("路路路") == "路" * 120 + "…"


def test_a_name_found_by_its_initials_is_marked_as_written(home):
    publish(home, note("1", "走访时，阿卜杜拉•买买提说", names=("阿卜杜拉·买买提",)))
    (hit,) = search("public", SearchRequest(text="abdlmmt")).hits
    assert [s.text for s in hit.excerpt_segments if s.is_match] == ["阿卜杜拉•买买提"]


def test_the_version_changes_with_every_change_and_only_then(home):
    versions = []
    for number in range(3):
        publish(home, note(str(number), "修路"))
        versions += [
            search("public", SearchRequest(text=text)).version for text in ("修路", "别的")
        ]
    drain()
    versions.append(search("public", SearchRequest()).version)
    assert len(set(versions)) == 3
    assert versions == sorted(versions, key=lambda version: int(version.rsplit("-", 1)[1]))


def test_a_name_that_sounds_alike_is_offered_when_nothing_is_found(home):
    publish(
        home, note("1", "简历", names=("李志刚",)), note("2", "简历", names=("李芝岗", "陈虚构"))
    )
    assert set(search("public", SearchRequest(text="李志钢")).did_you_mean) == {"李志刚", "李芝岗"}
    assert search("public", SearchRequest(text="沉虚构")).did_you_mean == ("陈虚构",)
    assert search("public", SearchRequest(text="李志刚")).did_you_mean == ()


def test_names_are_suggested_from_one_character_or_two_letters_at_most_five(home):
    publish(
        home,
        *(note(str(n), "简历", names=(f"张演{c}",)) for n, c in enumerate("一二三四五六七")),
        note("9", names=("王示例",)),
    )
    assert len(suggest("public", "张")) == 5
    assert suggest("public", "wangs") == ["王示例"]
    assert suggest("public", "ws") == ["王示例"]
    assert suggest("public", "w") == []
    assert suggest("public", "，。") == []


def test_long_and_many_worded_queries_are_shortened_and_say_so(home):
    publish(home, note("1", "修" * 100))
    result = search("public", SearchRequest(text='"' + "修" * 62 + '"' + "x" * 10_000))
    assert (result.total, result.shortened) == (1, True)
    assert search("public", SearchRequest(text="一 二 三 四 五 六 七 八 九")).shortened
    assert not search("public", SearchRequest(text="修")).shortened


HOSTILE = [
    "的", "。，！", '"', '""', '"""', "“", "\x00", "\ud800", "😀", "a AND b OR NOT (c", "title:* ^2 ~3 [a TO b]", "' OR 1=1; DROP TABLE search_mark; --",
    "<script>alert(1)</script>", "../../etc/passwd", "%s%n{0}", "\u202e\u200b\ufeff", "．．．", "·", "\ue000", "人" * 10_000, "x" * 10_000, "*", "\\", "/.*/",
    "１２３", "ﷺ", "𠀀", "\U0003ffff", "é\u0301\u0301", " \t\r\n ",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_no_query_breaks_the_search_or_finds_what_is_not_there(home, text):
    publish(home, note("1", "一切正常"))
    for index in ("public", "internal"):
        found = search(index, SearchRequest(text=text))
        assert found.total == (1 if index == "public" and not text.strip() else 0)
        suggest(index, text)


def test_a_quoted_mark_of_punctuation_is_found_where_it_stands(home):
    publish(home, note("1", "好，好"), note("2", "好好"))
    assert ids('"好，好"') == {"1"}
    assert ids('"好好"') == {"2"}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"page": ["0"]}, "page"), ({"page": ["-1"]}, "page"), ({"page": ["99999999999999"]}, "page"), ({"page": ["一"]}, "page"), ({"page": ["501"]}, "page"),
        ({"year": ["abc"]}, "year"), ({"year": ["٣"]}, "year"), ({"from": ["yesterday"]}, "from"), ({"to": ["2026-02-30"]}, "to"), ({"sort": ["size"]}, "sort"),
        ({"from": ["2026-02-02"], "to": ["2026-02-01"]}, "from"), ({"unit": [str(n) for n in range(51)]}, "unit"), ({"tag": ["x" * 201]}, "tag"),
    ],
)  # fmt: skip
def test_parameters_that_mean_nothing_are_refused_by_name(parameters, field):
    with pytest.raises(QueryFault) as refusal:
        SearchRequest.from_parameters(parameters)
    assert refusal.value.field == field


def test_a_query_string_is_read_as_a_request():
    parameters = {
        "q": ["修路"],
        "unit": ["430522", "", "430524"],
        "year": ["2026"],
        "from": ["2026-01-01"],
        "sort": ["newest"],
        "page": ["2"],
        "utm": ["x"],
    }
    assert SearchRequest.from_parameters(parameters) == SearchRequest(
        text="修路",
        units=("430522", "430524"),
        years=(2026,),
        day_from=datetime.date(2026, 1, 1),
        sort="newest",
        page=2,
    )
    assert SearchRequest.from_parameters({}) == SearchRequest()
