"""A signer for every test: the real code on a folder of the test's own.

Tests roll the database back; a signer that outlived a test would rightly refuse the next one. It is made
when it is first asked. Tests of the socket and of crashes start the real process instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sync.signer import client
from sync.signer.core import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class LazySigner:
    """A signer that is made when first asked."""

    def __init__(self, make: Callable[[], Path]) -> None:
        self._make = make
        self._folder: Path | None = None
        self._signer: Signer | None = None

    def __call__(self) -> Signer:
        if self._signer is None:
            self._signer = Signer(self.folder)
        return self._signer

    @property
    def folder(self) -> Path:
        """Where its keys and last heads are."""
        self._folder = self._folder or self._make()
        return self._folder

    def restart(self, *, forgetting: bool = False) -> None:
        """Let go of the folder; the next question opens it again, ``forgetting`` without its memory."""
        if self._signer is not None:
            self._signer.close()
        self._signer = None
        for file in self.folder.glob("high-water*") if forgetting else ():
            file.unlink()


@pytest.fixture(autouse=True)
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LazySigner]:
    """Stand in for the deployment's signer with high-water marks of this test's own."""
    door = LazySigner(lambda: tmp_path_factory.mktemp("signer") / "folder")
    client.stand_in(door)
    yield door
    client.stand_in(None)
    door.restart()
