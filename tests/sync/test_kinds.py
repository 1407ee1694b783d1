"""Kinds say which schemas they read, and how an older one becomes the newest."""

from __future__ import annotations

import pytest

from sync.errors import RecordFault
from sync.kinds import RecordKind, fingerprint, register_kind


def second(body):
    return body + b" second"


def third(body):
    return body + b" third"


def test_an_old_body_passes_every_upcast_from_its_own_schema_on():
    kind = RecordKind(name="tests.grown", schemas=(1, 3, 4), upcasts=(second, third))
    assert kind.newest(1, b"first") == b"first second third"
    assert kind.newest(3, b"first") == b"first third"
    assert kind.newest(4, b"first") == b"first"
    with pytest.raises(RecordFault, match="schema 2"):
        kind.newest(2, b"first")


@pytest.mark.parametrize(
    ("schemas", "upcasts"),
    [((1, 2), ()), ((2, 1), (second,)), ((1, 1), (second,)), ((1,), (second,)), ((), ())],
)
def test_a_kind_whose_old_bodies_could_not_be_read_is_refused_at_registration(schemas, upcasts):
    before = fingerprint()
    with pytest.raises(RecordFault):
        register_kind(RecordKind(name="tests.wrong", schemas=schemas, upcasts=upcasts))
    assert fingerprint() == before
