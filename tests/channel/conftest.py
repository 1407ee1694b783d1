"""What these tests begin with."""

from __future__ import annotations

import pytest

from tests.support.channel import Courier


@pytest.fixture
def courier():
    """Who carries records between the units of a test."""
    return Courier()
