"""How names are found: by part, by pinyin, by initials, by sound. All variants are made when a name is indexed.

A query is then one exact term and needs no fuzziness; Latin keys have a field of their own, so they never
meet words of the text.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING

from pypinyin import Style, pinyin

from search.surnames import COMPOUND, READINGS
from search.text import DOTS, fold, is_han

if TYPE_CHECKING:
    from collections.abc import Iterator

SPELLINGS = 8
"""Spellings of one name that are indexed; every syllable more with several readings would double them."""
_NAME_LIMIT = 40
_PART_LIMIT = 8
_PART = re.compile("[" + re.escape("".join(sorted(DOTS))) + r"\s'’`-]+")
_MERGED = (
    (re.compile(r"^([zcs])h"), r"\1"),
    (re.compile(r"^n"), "l"),
    (re.compile(r"([aei])ng$"), r"\1n"),
)

Syllables = tuple[str, ...]


def name_key(name: str) -> str:
    """Return a name as it is compared: folded, without dots, blanks and hyphens."""
    return _PART.sub("", fold(name))[:_NAME_LIMIT]


def name_keys(name: str) -> set[str]:
    """Return every key that should find this name.

    Beginnings of the name, of its given part and of the parts between dots: in characters, in each spelling in pinyin
    (ü as v, yu and u) and in initials (two letters or more).
    """
    key = name_key(name)
    starts = _starts(name, key)
    keys = {key[start:end] for start in starts for end in range(start + 1, len(key) + 1)}
    for syllables in spellings(name):
        for start in starts:
            rest = syllables[start:]
            initials = "".join(syllable[:1] for syllable in rest)
            for spelled in {*_umlauts("".join(rest)), initials}:
                keys.update(spelled[:end] for end in range(2, len(spelled) + 1))
    return keys


def name_parts(name: str) -> set[str]:
    """Return every stretch of two to eight characters of a name, wherever it stands."""
    key = name_key(name)
    return {
        key[start:end]
        for start in range(len(key))
        for end in range(start + 2, min(start + _PART_LIMIT, len(key)) + 1)
    }


def name_sounds(name: str) -> set[str]:
    """Return the name's sounds: toneless syllables with what is often confused (zh/z, n/l, ing/in) merged."""
    return {"-".join(map(_merge, syllables)) for syllables in spellings(name)}


@functools.lru_cache(maxsize=1024)
def spellings(name: str) -> tuple[Syllables, ...]:
    """Return up to eight spellings in toneless pinyin with v for ü, the likeliest first; a syllable per character.

    A surname is read as a surname first; then each character in turn in its other readings.
    """
    key = name_key(name)
    if not key:
        return ()
    options = [_readings(character) for character in key]
    options[0] = tuple(dict.fromkeys([*READINGS.get(key[0], ()), *options[0]]))
    if len(key) > 2 and (compound := COMPOUND.get(key[:2])):
        options[:2] = [(syllable,) for syllable in compound]
    return tuple(itertools.islice(dict.fromkeys(_combinations(options)), SPELLINGS))


def _combinations(options: list[Syllables]) -> Iterator[Syllables]:
    likeliest = tuple(option[0] for option in options)
    yield likeliest
    for position, readings in enumerate(options):
        for reading in readings[1:]:
            yield (*likeliest[:position], reading, *likeliest[position + 1 :])


@functools.cache
def _readings(character: str) -> Syllables:
    if not is_han(character):
        return (character,)
    return tuple(pinyin(character, style=Style.NORMAL, heteronym=True, v_to_u=False)[0])


def _umlauts(spelled: str) -> set[str]:
    return {spelled.replace("v", letter) for letter in ("v", "yu", "u")}


@functools.lru_cache(maxsize=4096)
def _merge(syllable: str) -> str:
    for pattern, replacement in _MERGED:
        syllable = pattern.sub(replacement, syllable)
    return syllable


def _starts(name: str, key: str) -> list[int]:
    """Where in the key a reader may begin: at the name, at the given name, at each part between dots."""
    starts = {0}
    parts = [part for part in _PART.split(fold(name)) if part]
    if len(parts) > 1:
        starts.update(itertools.accumulate(len(part) for part in parts[:-1]))
    elif 2 < len(key) <= 4 and all(map(is_han, key)):
        starts.add(2 if key[:2] in COMPOUND else 1)
    return sorted(start for start in starts if start < len(key))
