"""Chinese text to tokens, once, for every engine.

Engines are given tokens parted by blanks and split them there; they need no dictionary, plugin, script or
analyzer of their own, and both find the same documents. Three kinds of token come from a text:

``words``
    rjieba's words with HMM off. With HMM on, unknown place names are glued to their neighbours
    (任新邵县 as one word) and can no longer be found. Words inside words (公安 in 公安局) are indexed too.
``characters``
    every visible character by itself, in order: a phrase of them is an exact substring. All planes of Han
    characters are characters like others, so are punctuation marks, letters and digits.
``pairs``
    neighbouring characters, without order: they tell an engine which few documents are worth reading
    the order of.

Everything goes through ``fold`` first, texts and queries alike: compatibility forms (NFKC), case, accents,
traditional characters and the many middle dots make no difference.
"""

from __future__ import annotations

import bisect
import functools
import importlib
import itertools
import operator
import unicodedata
from importlib import metadata
from typing import TYPE_CHECKING

import opencc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

FENCE = "\ue000"
"""Stands between texts that are indexed one behind the other: no phrase reaches across. No folded text holds it."""
DOT = "·"
DOTS = frozenset("·•・‧∙⋅･•⸱᛫●．.")
"""What people type between the parts of a name such as 阿卜杜拉·买买提."""

_MIDDLE_DOTS = "•・‧∙⋅･⸱᛫"
_WORD_LIMIT = 64
_PIECE = 64


@functools.cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@functools.cache
def _segmenter() -> ModuleType:
    # Its import reads the whole dictionary: a command that cuts no text need not wait for that, and one dictionary is enough.
    return importlib.import_module("rjieba")


class _Folding(dict[int, str]):
    """Character by character, so that a cut text folds to a cut of the folded text."""

    def __missing__(self, code: int) -> str:
        folded = "".join(
            _fold_one(part) for part in unicodedata.normalize("NFKD", chr(code)).casefold()
        )
        self[code] = folded
        return folded


def _fold_one(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace():
        return " "
    if category[0] == "C" or "\u0300" <= character <= "\u036f" or category == "Me":
        return ""
    if character in _MIDDLE_DOTS:
        return DOT
    return _simplifier().convert(character) if ord(character) > 0x2E7F else character


_FOLDING = _Folding()


def fold(text: str) -> str:
    """Return the form that is compared: NFKC-equivalent, lower case, no accents, simplified, one middle dot.

    Control characters, NUL, lone surrogates, zero-width and private characters vanish; every blank is a space.
    """
    return text.translate(_FOLDING)


class Folded:
    """A folded text that tells where its characters stood in the original.

    Folding goes character by character, so pieces can be folded by themselves; origins are worked out only for the
    pieces that somebody asks about.
    """

    def __init__(self, original: str) -> None:
        self._original = original
        pieces = [
            fold(original[start : start + _PIECE]) for start in range(0, len(original), _PIECE)
        ]
        self._ends = list(itertools.accumulate(map(len, pieces)))
        self._known: dict[int, list[int]] = {}
        self.text = "".join(pieces)
        """What is compared: ``fold`` of the original."""

    def origin(self, position: int) -> int:
        """Return the index in the original of the character that stands at a position of ``text``."""
        piece = bisect.bisect_right(self._ends, position)
        if piece not in self._known:
            start = piece * _PIECE
            self._known[piece] = [
                start + number
                for number, character in enumerate(self._original[start : start + _PIECE])
                for _ in _FOLDING[ord(character)]
            ]
        return self._known[piece][position - (self._ends[piece - 1] if piece else 0)]


def is_han(character: str) -> bool:
    """Return whether this is a Han character, in whatever plane (also U+20000 and above)."""
    code = ord(character)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x3FFFF
        or code in {0x3007, 0x3006}
    )


def characters(folded: str) -> str:
    """Return the visible characters of a folded text, in order; each one is a token."""
    return folded.replace(" ", "")


def pairs(folded: str) -> set[str]:
    """Return every two neighbouring visible characters of a folded text."""
    row = characters(folded)
    return set(map(operator.add, row, row[1:]))


def words(folded: str) -> list[str]:
    """Return the words of a folded text and the words inside them, with repetitions."""
    return _kept(_segmenter().cut_for_search(folded, False))


def pieces(text: str) -> list[str]:
    """Return a text cut where its words meet; joined they are the text. For lines that break between words only."""
    return list(_segmenter().cut(text))


def words_asked(folded: str) -> list[str]:
    """Return the words of a folded query: the coarsest cut, each once."""
    return list(dict.fromkeys(_kept(_segmenter().cut(folded, False))))


def _kept(tokens: Iterable[str]) -> list[str]:
    return [token[:_WORD_LIMIT] for token in tokens if token.isalnum() or _is_word(token)]


def _is_word(token: str) -> bool:
    return " " not in token and any(map(str.isalnum, token))


def tokens_version() -> str:
    """Name what the tokens depend on besides this code: a change means a new index."""
    packages = ("rjieba", "opencc", "pypinyin")
    return " ".join(
        [*(f"{name} {metadata.version(name)}" for name in packages), unicodedata.unidata_version]
    )
