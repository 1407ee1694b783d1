"""Where the words of a query stand in the original text. Returns stretches of text, never markup: pages escape them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from search.names import name_key, name_keys
from search.query import Segment
from search.text import DOT, characters, fold, fold_with_origins, words_asked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from search.plan import Question

WIDTH = 120
"""Characters of an excerpt."""
_LEAD = 30
_READ = 50_000
_BETWEEN = f"[ {DOT}]*"

Span = tuple[int, int]


def marking(question: Question, names: Iterable[str]) -> re.Pattern[str] | None:
    """Return the pattern that finds in a folded text what a query asked for; None when there is nothing to mark.

    A name that was found by its pinyin or initials is marked as it is written.
    """
    keys = [name_key(term) for term in question.terms]
    spelled = [
        name for name in names if any(key in name_keys(name) for key in keys if key.isascii())
    ]
    words = [word for term in question.terms for word in words_asked(term) if len(word) > 1]
    needles = {_spaced(text) for text in (*question.phrases, *map(fold, spelled))}
    needles |= {
        _spaced(word) if not word.isascii() else rf"(?<![0-9a-z]){re.escape(word)}(?![0-9a-z])"
        for word in (*question.terms, *words)
    }
    needles.discard("")
    return (
        re.compile("|".join(sorted(needles, key=lambda needle: (-len(needle), needle))))
        if needles
        else None
    )


def _spaced(folded: str) -> str:
    """Blanks and the dots of names make no difference between characters."""
    return _BETWEEN.join(
        re.escape(character) for character in characters(folded) if character != DOT
    )


def highlight(text: str, pattern: re.Pattern[str] | None) -> tuple[Segment, ...]:
    """Return the whole text in stretches; put together they are the text."""
    return _segments(text, _spans(text, pattern), 0, len(text))


def excerpt(text: str, pattern: re.Pattern[str] | None) -> tuple[Segment, ...]:
    """Return about 120 characters around the first match, or the beginning; ``…`` where text was left out."""
    spans = _spans(text, pattern)
    start = max(0, spans[0][0] - _LEAD) if spans and spans[0][1] > WIDTH else 0
    end = min(len(text), start + WIDTH)
    before = (Segment(text="…", is_match=False),) if start else ()
    after = (Segment(text="…", is_match=False),) if end < len(text) else ()
    return (*before, *_segments(text, spans, start, end), *after)


def _spans(text: str, pattern: re.Pattern[str] | None) -> list[Span]:
    text = text[:_READ]
    if pattern is None or not pattern.search(fold(text)):
        return []
    folded, origins = fold_with_origins(text)
    spans: list[Span] = []
    for match in pattern.finditer(folded):
        first, last = origins[match.start()], origins[match.end() - 1] + 1
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return spans


def _segments(text: str, spans: list[Span], start: int, end: int) -> tuple[Segment, ...]:
    found: list[Segment] = []
    position = start
    for first, last in spans:
        first, last = max(first, position), min(last, end)
        if first >= last:
            continue
        if first > position:
            found.append(Segment(text=text[position:first], is_match=False))
        found.append(Segment(text=text[first:last], is_match=True))
        position = last
    if position < end:
        found.append(Segment(text=text[position:end], is_match=False))
    return tuple(found)
