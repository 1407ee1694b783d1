"""Index build, query latencies and publish-to-findable, beside PostgreSQL full text over the same text in the same run.

200,000 fictitious documents of 400 to 800 characters (20,000 when quick): words that the segmenter knows, drawn by
rank as words are in real text. Every query of ours counts exactly, returns twenty hits and counts five facets, as the result page
does. PostgreSQL is given the same words in a GIN-indexed ``tsvector`` and the text under ``pg_trgm``; it is asked for count, twenty
hits and, where ours is filtered, the same five counts. Figures are milliseconds unless their name says otherwise.
"""

from __future__ import annotations

import datetime
import itertools
import random
import re
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rjieba
from django.conf import settings
from django.db import connection, connections, transaction

from minqing.config import postgres
from minqing.config.database import prepare
from search.backends import backend
from search.documents import Document
from search.indexer import alias_of, drain, rebuild
from search.marks import mark
from search.names import name_keys
from search.plan import make_plan, read_question
from search.query import FACETS, SearchRequest
from search.registry import forget_source, register_source
from search.service import search
from search.text import fold, words, words_asked
from tenants.current import unit_context
from tenants.services import unit_create
from tests.support.search import MemorySource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.db.backends.utils import CursorWrapper

SOURCE = "bench.notes"
QUERIES = 400
QUERIES_POSTGRES = 24
UNITS = [(f"43{number:04}", f"虚构{number}县") for number in range(96)]
SOURCES = ("visit", "inspection", "pledge", "evaluation", "order", "reply")
COMMON = ("群众", "镇里", "公路", "办事处")
SURNAMES = "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"


def run(quick: bool) -> dict[str, float]:
    """Measure and print."""
    folder = Path(tempfile.mkdtemp(prefix="minqing-bench-"))
    folder.chmod(0o755)
    before = settings.MINQING_CLUSTER, settings.STATE
    settings.MINQING_CLUSTER = postgres.cluster_for(folder, durable=True)
    settings.STATE = folder
    source = MemorySource(SOURCE)
    register_source(source)
    try:
        connections.close_all()
        prepare.prepare()
        unit = unit_create(code="430522", name="新邵县", level="county", host="xinshao.localhost")
        with unit_context(unit):
            return _measure(
                source,
                int(__import__("os").environ.get("BENCH_DOCUMENTS", 0))
                or (20_000 if quick else 200_000),
            )
    finally:
        forget_source(SOURCE)
        connections.close_all()
        postgres.release(settings.MINQING_CLUSTER)
        settings.MINQING_CLUSTER, settings.STATE = before


def _measure(source: MemorySource, count: int) -> dict[str, float]:
    source.put(*_documents(count))
    chance = random.Random(2)
    documents = list(source.documents.values())
    cases = {
        name: [make(chance, documents) for _ in range(QUERIES)] for name, make in CASES.items()
    }
    figures = _show({"documents": count})
    figures |= _show(_build(count))
    figures |= _show(_ours(cases))
    figures |= _show(_publish(source))
    return figures | _show(_postgres(documents, cases, figures))


def _build(count: int) -> dict[str, float]:
    started = time.perf_counter()
    name = rebuild("public")
    seconds = time.perf_counter() - started
    health = backend().health(name)
    return {"build_documents_per_second": count / seconds, "index_megabytes": health.octets / 1e6}


def _ours(cases: dict[str, list[SearchRequest]]) -> dict[str, float]:
    engine, alias = backend(), alias_of("public")
    figures: dict[str, float] = {}
    everything: list[float] = []
    for name, requests in cases.items():
        plans = [make_plan(request, read_question(request.text), FACETS) for request in requests]
        times = [_time(partial(engine.ask, alias, plan)) for plan in [*plans[:20], *plans]][20:]
        everything += times
        figures |= {f"{name}_p50": statistics.median(times), f"{name}_p99": _percentile(times, 99)}
    figures |= {
        "engine_p50": statistics.median(everything),
        "engine_p99": _percentile(everything, 99),
    }
    pages = [
        _time(partial(search, "public", request))
        for requests in cases.values()
        for request in requests[:50]
    ]
    return {
        **figures,
        "service_p50": statistics.median(pages),
        "service_p99": _percentile(pages, 99),
    }


def _publish(source: MemorySource) -> dict[str, float]:
    """From the business transaction to a hit, without the queue's tick (at most a second more)."""
    times = []
    for number in range(30):
        started = time.perf_counter()
        with transaction.atomic():
            source.put(_document(random.Random(number), f"new{number}", text=f"刚刚发布{number}号"))
            mark(SOURCE, [f"new{number}"])
        drain()
        assert search("public", SearchRequest(text=f'"刚刚发布{number}号"')).total == 1
        times.append(1000 * (time.perf_counter() - started))
    return {
        "publish_to_findable_p50": statistics.median(times),
        "publish_to_findable_p95": _percentile(times, 95),
    }


# --- text ------------------------------------------------------------------------------------------


def _common_characters() -> list[str]:
    """Level 1 of GB 2312: the 3,755 common characters."""
    codes = (bytes([row, cell]) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return [code.decode("gb2312") for code in codes if (code[0], code[1]) <= (0xD7, 0xF9)]


def _vocabulary() -> tuple[list[str], list[float]]:
    """Words that the segmenter knows, in an order of chance; drawn by rank, as words are in real text."""
    chance = random.Random(1)
    characters = chance.sample(_common_characters(), k=1500)
    known = rjieba.Jieba().has_word
    content = [
        first + second for first in characters for second in characters if known(first + second)
    ]
    chance.shuffle(content)
    vocabulary = [*"的一是在不了有和人这中大为上个", *COMMON, *content]
    return vocabulary, list(itertools.accumulate(1 / (rank + 3) for rank in range(len(vocabulary))))


VOCABULARY, WEIGHTS = _vocabulary()


def _text(chance: random.Random) -> str:
    target = chance.randrange(400, 800)
    parts: list[str] = []
    length = 0
    while length < target:
        sentence = "".join(
            chance.choices(VOCABULARY, cum_weights=WEIGHTS, k=chance.randrange(4, 12))
        ) + chance.choice("，，，。")
        parts.append(sentence)
        length += len(sentence)
    return "".join(parts)


def _document(chance: random.Random, id_: str, text: str = "") -> Document:
    code, name = chance.choice(UNITS)
    person = chance.choice(SURNAMES) + "".join(chance.choices(VOCABULARY[19:], k=1))[:2]
    day = datetime.date(2015, 1, 1) + datetime.timedelta(days=chance.randrange(4000))
    return Document(
        id=id_, index="public", kind=chance.choice(("entry", "official")), title=f"{person}：{''.join(chance.choices(VOCABULARY, cum_weights=WEIGHTS, k=5))}",
        url=f"/entries/{id_}/", unit_code=code, unit_name=name, names=(person,), text=text or _text(chance), source=chance.choice(SOURCES), day=day,
    )  # fmt: skip


def _documents(count: int) -> Iterator[Document]:
    chance = random.Random(7)
    return (_document(chance, str(number)) for number in range(count))


# --- what is asked ---------------------------------------------------------------------------------


def _two_words(chance: random.Random, documents: Sequence[Document]) -> str:
    found = [word for word in words_asked(fold(chance.choice(documents).text)) if len(word) > 1]
    return " ".join(chance.sample(found, k=2))


def _piece(chance: random.Random, documents: Sequence[Document]) -> str:
    text, length = chance.choice(documents).text, chance.randrange(2, 7)
    start = chance.randrange(len(text) - length)
    return f'"{text[start : start + length]}"'


def _filtered(chance: random.Random, documents: Sequence[Document]) -> SearchRequest:
    return SearchRequest(
        text=_two_words(chance, documents),
        units=tuple(code for code, _ in chance.sample(UNITS, k=3)),
        years=(chance.randrange(2015, 2026),),
    )


CASES: dict[str, Callable[[random.Random, Sequence[Document]], SearchRequest]] = {
    "name": lambda chance, documents: SearchRequest(text=chance.choice(documents).names[0]),
    "part_of_name": lambda chance, documents: SearchRequest(
        text=chance.choice(documents).names[0][1:]
    ),
    "initials": lambda chance, documents: SearchRequest(
        text=min(
            name_keys(chance.choice(documents).names[0]), key=lambda k: (not k.isascii(), len(k))
        )
    ),
    "two_words": lambda chance, documents: SearchRequest(text=_two_words(chance, documents)),
    "two_words_filtered": _filtered,
    "common_word": lambda chance, documents: SearchRequest(text=chance.choice(COMMON)),
    "substring": lambda chance, documents: SearchRequest(text=_piece(chance, documents)),
    "browse": lambda chance, documents: SearchRequest(
        units=(chance.choice(UNITS)[0],), sort="newest", page=chance.randrange(1, 20)
    ),
}


# --- PostgreSQL ------------------------------------------------------------------------------------


def _postgres(
    documents: list[Document], cases: dict[str, list[SearchRequest]], ours: dict[str, float]
) -> dict[str, float]:
    figures: dict[str, float] = {}
    with connection.cursor() as cursor:
        started = time.perf_counter()
        _load(cursor, documents)
        figures["postgres_build_documents_per_second"] = len(documents) / (
            time.perf_counter() - started
        )
        for name in ("name", "two_words", "two_words_filtered", "common_word", "substring"):
            times = [
                _time(partial(_ask_postgres, cursor, request))
                for request in cases[name][:QUERIES_POSTGRES]
            ]
            figures[f"postgres_{name}_p50"] = statistics.median(times)
            figures[f"{name}_times_as_fast_as_postgres"] = (
                figures[f"postgres_{name}_p50"] / ours[f"{name}_p50"]
            )
        cursor.execute("DROP TABLE bench_note")
    return figures


def _load(cursor: CursorWrapper, documents: list[Document]) -> None:
    cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public")
    cursor.execute(
        "CREATE TABLE bench_note (id text, person text, unit text, source text, kind text, year int, day date, body text, words tsvector)"
    )
    for batch in _batched(documents, 500):
        rows = [
            (
                d.id,
                d.names[0],
                d.unit_code,
                d.source,
                d.kind,
                d.year,
                d.day,
                d.text,
                sorted({w for w in words(fold(d.text)) if w}),
            )
            for d in batch
        ]
        cursor.executemany(
            "INSERT INTO bench_note VALUES (%s,%s,%s,%s,%s,%s,%s,%s,array_to_tsvector(%s))", rows
        )
    cursor.execute("CREATE INDEX ON bench_note USING gin (words)")
    cursor.execute("CREATE INDEX ON bench_note USING gin (body public.gin_trgm_ops)")
    cursor.execute("CREATE INDEX ON bench_note (person)")
    cursor.execute("CREATE INDEX ON bench_note (unit, year)")
    cursor.execute("ANALYZE bench_note")


def _batched(documents: list[Document], size: int) -> Iterator[list[Document]]:
    for start in range(0, len(documents), size):
        yield documents[start : start + size]


def _ask_postgres(cursor: CursorWrapper, request: SearchRequest) -> None:
    conditions, order = ["true"], "day DESC"
    values: list[Any] = []
    text = request.text
    if text.startswith('"'):
        conditions.append("body LIKE %s")
        values.append("%" + re.sub(r"([%_\\])", r"\\\1", text.strip('"')) + "%")
    elif " " in text or text in COMMON:
        conditions.append("words @@ %s::tsquery")
        query = " & ".join(f"'{word}'" for word in words_asked(fold(text)))
        values.append(query)
        order = f"ts_rank(words, $q${query}$q$::tsquery) DESC"
    else:
        conditions.append("person = %s")
        values.append(text)
    if request.units:
        conditions += ["unit = ANY(%s)", "year = ANY(%s)"]
        values += [list(request.units), list(request.years)]
    where = " AND ".join(conditions)
    cursor.execute(f"SELECT count(*) FROM bench_note WHERE {where}", values)
    cursor.execute(
        f"SELECT id, body FROM bench_note WHERE {where} ORDER BY {order} LIMIT 20", values
    )
    cursor.fetchall()
    if request.units:
        for column in ("unit", "source", "kind", "year"):
            cursor.execute(
                f"SELECT {column}, count(*) FROM bench_note WHERE {where} GROUP BY 1", values
            )
            cursor.fetchall()


# --- figures ---------------------------------------------------------------------------------------


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def _percentile(times: list[float], percent: int) -> float:
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


def _show(figures: dict[str, float]) -> dict[str, float]:
    for name, value in figures.items():
        sys.stdout.write(f"   {name:<48} {value:>12,.2f}\n")
    sys.stdout.flush()
    return figures
