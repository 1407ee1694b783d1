"""Search has a state folder of its own per test; sources are put in memory and taken out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from search.registry import forget_source, register_source
from tests.support.search import MemorySource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def search_home(django_db_setup: None, settings: object, tmp_path: Path) -> Path:
    """Indexes of this test only."""
    settings.STATE = tmp_path  # type: ignore[attr-defined]
    return tmp_path / "search"


@pytest.fixture
def sources(search_home: Path) -> Iterator[Callable[..., MemorySource]]:
    """Register memory sources that are gone after the test."""
    made: list[str] = []

    def make(name: str = "tests.notes", index: str = "public") -> MemorySource:
        source = MemorySource(name, index)  # type: ignore[arg-type]
        register_source(source)
        made.append(name)
        return source

    yield make
    for name in made:
        forget_source(name)


@pytest.fixture
def notes(sources: Callable[..., MemorySource]) -> MemorySource:
    """The public source most tests need."""
    return sources()
