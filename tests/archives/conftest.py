"""What these tests begin with."""

from __future__ import annotations

import pytest

from tests.support.archives import Office


@pytest.fixture
def office(in_county):
    """A clerk, a reviewer and a supervisor at 新邵县."""
    return Office()
