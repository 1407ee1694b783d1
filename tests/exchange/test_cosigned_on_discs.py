"""A unit that only discs reach has witnesses too: what the reader's witness cosigned comes back beside the cursor."""

from __future__ import annotations

import pytest

from sync import identity, ledger
from sync.formats import notes
from sync.models import Cosignature
from sync.transports import discs
from tenants.current import unit_context
from tests.support.carried import carry, carry_out, origin_of
from tests.support.exchange import publish


@pytest.fixture
def county(fresh_database, county):
    """Discs are taken in by code that opens threads: the data must be committed."""
    return county


@pytest.fixture
def cosigned(met):
    """Return the name of what comes back to 新邵 from 邵阳."""
    county, city = met
    return discs.cosigned_name(issuer=origin_of(county), reader=origin_of(city))


def test_the_head_on_a_disc_comes_back_cosigned_and_so_does_each_that_continues_it(
    met, cosigned, tmp_path
):
    county, city = met
    key = identity.witness_key()
    for number in range(3):
        publish(county, *[b"%d of %d" % (place, number) for place in range(200)])
        disc = tmp_path / str(number)
        assert not carry_out(county, city, disc)[1]
        said, failed = carry("in", disc)
        assert not failed, said
        with unit_context(county):
            head = ledger.head()
            assert not notes.cosigned_by(notes.parse_note(head.note), [key])
        said, failed = carry_out(county, city, disc)
        assert not failed, said
        with unit_context(county):
            shown = ledger.head()
            assert (shown.size, shown.root) == (head.size, head.root)
            (found,) = notes.cosigned_by(notes.parse_note(shown.note), [key])
            assert found.key == key
            assert Cosignature.objects.count() == number + 1


def test_what_lies_there_instead_is_named_and_counts_for_nothing(met, cosigned, tmp_path):
    county, city = met
    publish(county, b"first")
    disc = tmp_path / "disc"
    carry_out(county, city, disc)
    assert not carry("in", disc)[1]
    true = (disc / cosigned).read_bytes()
    note = notes.parse_note(true)
    signatures = [
        notes.Signature(line.name, line.key_id, bytes(len(line.octets))) for line in note.signatures
    ]
    forged = notes.Note(note.text, tuple(signatures)).encode()
    with unit_context(city):
        theirs = ledger.head().note
    for octets in (b"", true[:-9], forged, theirs):
        (disc / cosigned).write_bytes(octets)
        said, failed = carry_out(county, city, disc)
        assert failed
        assert cosigned in said
        with unit_context(county):
            assert not Cosignature.objects.exists()
    (disc / cosigned).write_bytes(true)
    assert not carry_out(county, city, disc)[1]


def test_it_may_come_on_a_disc_with_the_readers_own_records(met, cosigned, tmp_path):
    county, city = met
    publish(county, b"first")
    publish(city, b"theirs")
    assert not carry_out(county, city, tmp_path / "there")[1]
    assert not carry("in", tmp_path / "there", "--cursors", str(tmp_path / "back"))[1]
    assert not carry_out(city, county, tmp_path / "back")[1]
    (tmp_path / "back" / cosigned).rename(tmp_path / "kept")
    (tmp_path / "back" / cosigned).write_bytes(b"damaged on the way")
    said, failed = carry("in", tmp_path / "back", "--cursors", str(tmp_path / "no"))
    assert failed
    assert cosigned in said
    (tmp_path / "kept").rename(tmp_path / "back" / cosigned)
    said, failed = carry("in", tmp_path / "back", "--cursors", str(tmp_path / "no"))
    assert not failed, said
    with unit_context(county):
        assert Cosignature.objects.get().size == ledger.head().size
