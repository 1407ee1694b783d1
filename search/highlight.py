"""Where the words of a query stand in the original text. Returns stretches of text, never markup: pages escape them."""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING

from search.names import name_key, name_keys
from search.query import Segment
from search.text import DOT, Folded, characters, fold, words_asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    keys = [key for key in map(name_key, question.terms) if key.isascii()]
    spelled = frozenset(
        fold(name) for name in names if keys and any(key in name_keys(name) for key in keys)
    )
    return _pattern(question, spelled)


@functools.lru_cache(maxsize=64)
def _pattern(question: Question, spelled: frozenset[str]) -> re.Pattern[str] | None:
    """The hits of a page share one pattern, but for the names spelled out in each."""
    words = [word for term in question.terms for word in words_asked(term) if len(word) > 1]
    needles = {_spaced(text) for text in (*question.phrases, *spelled)}
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
    """Return about 120 characters of the line of the first match, or of the first line; ``…`` where some of it was left out.

    A line is one thing said: what stands in different lines was never meant to be read on.
    """
    spans = _spans(text, pattern)
    first = next(spans, None)
    at = first[0] if first is not None else 0
    begin = text.rfind("\n", 0, at) + 1
    over = text.find("\n", first[1] if first is not None else 0)
    over = over if over >= 0 else len(text)
    start = max(begin, at - _LEAD) if first is not None and first[1] - begin > WIDTH else begin
    end = min(over, start + WIDTH)
    before = (Segment(text="…", is_match=False),) if start > begin else ()
    after = (Segment(text="…", is_match=False),) if end < over else ()
    found = () if first is None else itertools.chain([first], spans)
    return (*before, *_segments(text, found, start, end), *after)


def _spans(text: str, pattern: re.Pattern[str] | None) -> Iterator[Span]:
    """Yield where the matches stand in the original text; who has seen enough asks for no more."""
    if pattern is None:
        return
    folded = Folded(text[:_READ])
    last: Span | None = None
    for match in pattern.finditer(folded.text):
        span = folded.origin(match.start()), folded.origin(match.end() - 1) + 1
        if last is not None and span[0] <= last[1]:
            last = last[0], max(last[1], span[1])
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _segments(text: str, spans: Iterable[Span], start: int, end: int) -> tuple[Segment, ...]:
    found: list[Segment] = []
    position = start
    for first, last in spans:
        if first >= end:
            break
        first, last = max(first, position), min(last, end)
        if first > position:
            found.append(Segment(text=text[position:first], is_match=False))
        found.append(Segment(text=text[first:last], is_match=True))
        position = last
    if position < end:
        found.append(Segment(text=text[position:end], is_match=False))
    return tuple(found)
