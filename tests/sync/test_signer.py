"""The signer says no: to rolled-back databases, copies, forks, lost memories and foreign keys."""

from __future__ import annotations

import shutil
import sqlite3
import threading

import pytest

from sync.errors import SignerRefused, SignerUnreachable
from sync.formats import merkle, notes
from sync.identity import identity
from sync.signer import messages
from sync.signer.client import SocketSigner
from sync.signer.core import Signer, SignerBusy
from sync.signer.server import Server
from sync.signer.store import Seen, Signed, Store
from tenants.current import unit_context
from tests.support.full_disk import no_file_longer_than
from tests.support.signer_process import SignerProcess

ORIGIN = "minqing/430522/0a1b2c3d"
LEAVES = [merkle.leaf_hash(bytes([at])) for at in range(40)]


def node(height, index):
    return merkle.root_of(LEAVES[index << height : (index + 1) << height])


def head(size, old, leaves=LEAVES, origin=ORIGIN):
    def read(height, index):
        return merkle.root_of(leaves[index << height : (index + 1) << height])

    proof = merkle.consistency_proof(old, size, read) if old <= size else []
    return messages.SignHead(
        origin=origin, size=size, root=merkle.root_of(leaves[:size]), old=old, proof=proof
    )


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "folder"


@pytest.fixture
def alone(folder):
    made = Signer(folder)
    made.ask(messages.OpenLog(origin=ORIGIN))
    yield made
    made.close()


def refusal(signer, request):
    with pytest.raises(SignerRefused) as caught:
        signer.ask(request)
    return caught.value


def test_it_signs_what_continues_and_the_same_again(alone):
    first = alone.ask(head(3, 0)).note
    assert alone.ask(head(3, 0)).note == first
    assert alone.ask(head(3, 3)).note == first
    key = notes.VerifierKey.parse(alone.ask(messages.OpenLog(origin=ORIGIN)).key)
    assert notes.open_checkpoint(alone.ask(head(20, 3)).note, key).size == 20


def test_it_refuses_an_older_size(alone):
    alone.ask(head(5, 0))
    refused = refusal(alone, head(3, 0))
    assert (refused.code, refused.size) == ("rolled-back", 5)


def test_it_tells_where_it_is_when_the_proof_starts_elsewhere(alone):
    alone.ask(head(5, 0))
    refused = refusal(alone, head(7, 3))
    assert (refused.code, refused.size) == ("conflict", 5)


@pytest.mark.parametrize("size", [5, 6, 8])
def test_it_refuses_another_history(alone, size):
    alone.ask(head(5, 0))
    other = [merkle.leaf_hash(b"forged"), *LEAVES[1:]]
    assert refusal(alone, head(size, 5, other)).code == "inconsistent"
    assert alone.ask(messages.LastHead(origin=ORIGIN)).size == 5


def test_it_refuses_origins_it_has_no_key_for(alone):
    assert refusal(alone, head(3, 0, origin="minqing/430524/0a1b2c3d")).code == "unknown-log"
    assert refusal(alone, messages.OpenLog(origin="example.org")).code == "bad-request"


def test_it_remembers_over_a_restart(alone, folder):
    alone.ask(head(5, 0))
    alone.close()
    again = Signer(folder)
    assert refusal(again, head(4, 0)).code == "rolled-back"
    assert again.ask(head(6, 5)).size == 6
    again.close()


def test_two_signers_do_not_share_a_folder(alone, folder):
    with pytest.raises(SignerBusy):
        Signer(folder)


def test_a_lost_memory_makes_the_log_read_only_until_it_is_adopted(alone, folder):
    alone.ask(head(5, 0))
    alone.close()
    for file in folder.glob("high-water*"):
        file.unlink()
    again = Signer(folder)
    assert refusal(again, head(6, 5)).code == "state-lost"
    assert refusal(again, messages.OpenLog(origin=ORIGIN)).code == "state-lost"
    again.ask(messages.Adopt(origin=ORIGIN, size=5, root=merkle.root_of(LEAVES[:5])))
    assert again.ask(head(6, 5)).size == 6
    assert (
        refusal(again, messages.Adopt(origin=ORIGIN, size=3, root=merkle.root_of(LEAVES[:3]))).code
        == "not-lost"
    )
    again.close()


def test_a_lost_key_is_not_replaced(alone, folder):
    alone.ask(head(5, 0))
    alone.close()
    shutil.rmtree(folder / "private")
    again = Signer(folder)
    assert refusal(again, messages.OpenLog(origin=ORIGIN)).code == "key-lost"
    assert refusal(again, head(6, 5)).code == "unknown-log"
    again.close()


def test_a_copied_folder_is_refused(alone, folder, tmp_path):
    alone.ask(head(5, 0))
    alone.close()
    shutil.copytree(folder, tmp_path / "clone")
    clone = Signer(tmp_path / "clone")
    assert refusal(clone, head(6, 5)).code == "copied"
    assert refusal(clone, messages.LastHead(origin=ORIGIN)).code == "copied"
    clone.close()
    original = Signer(folder)
    assert original.ask(head(6, 5)).size == 6
    original.close()


@pytest.fixture
def witness(tmp_path):
    made = Signer(tmp_path / "witness", clock=lambda: 1_800_000_000.5)
    yield made
    made.close()


def cosign(size, old, alone, leaves=LEAVES, key=None):
    request = head(size, old, leaves)
    log = notes.VerifierKey.parse(alone.ask(messages.OpenLog(origin=ORIGIN)).key)
    note = alone._keys[alone._log_file(ORIGIN).name]
    signed = notes.sign_checkpoint(notes.Checkpoint(ORIGIN, size, request.root), note).encode()
    return messages.Cosign(log_key=str(key or log), old=old, proof=request.proof, note=signed)


def test_a_witness_whose_memory_is_lost_cosigns_nothing_until_another_key_follows(alone, tmp_path):
    folder = tmp_path / "witness"
    first = Signer(folder)
    old = first.ask(messages.WitnessKey()).key
    first.ask(cosign(5, 0, alone))
    first.close()
    for file in folder.glob("high-water*"):
        file.unlink()
    other = [*LEAVES[:4], LEAVES[0]]
    for _ in range(2):  # a second start changes nothing
        again = Signer(folder)
        assert refusal(again, cosign(5, 0, alone, other)).code == "state-lost"
        assert refusal(again, messages.Witnessed(origin=ORIGIN)).code == "state-lost"
        again.close()
    again = Signer(folder)
    again.ask(messages.RotateKey(use="witness", origin=""))
    assert refusal(again, cosign(5, 0, alone)).code == "state-lost"
    again.ask(messages.RetireKey(use="witness", origin=""))
    answer = again.ask(cosign(5, 0, alone))
    new = notes.VerifierKey.parse(again.ask(messages.WitnessKey()).key)
    assert str(new) != old
    assert [one.key for one in notes.cosigned_by(notes.parse_note(answer.note), [new])] == [new]
    again.close()


def test_a_copied_folder_that_is_adopted_cosigns_nothing_by_the_key_that_came_with_it(
    alone, tmp_path
):
    folder, copy = tmp_path / "witness", tmp_path / "copy"
    first = Signer(folder)
    first.ask(messages.OpenLog(origin="minqing/430500/00000000"))
    first.ask(cosign(5, 0, alone))
    first.close()
    shutil.copytree(folder, copy)
    again = Signer(copy)
    assert refusal(again, cosign(9, 5, alone)).code == "copied"
    again.ask(messages.Adopt(origin="minqing/430500/00000000", size=0, root=merkle.EMPTY_ROOT))
    assert refusal(again, cosign(9, 5, alone)).code == "state-lost"
    again.close()


def test_a_witness_cosigns_consistent_checkpoints_and_keeps_the_whole_note(alone, witness):
    answer = witness.ask(cosign(5, 0, alone))
    key = notes.VerifierKey.parse(witness.ask(messages.WitnessKey()).key)
    kept = witness.ask(messages.Witnessed(origin=ORIGIN))
    note = notes.parse_note(kept.note)
    assert answer.line in kept.note.decode()
    assert notes.cosigned_by(note, [key])[0].timestamp == 1_800_000_000
    assert len(note.signatures) == 2
    assert witness.ask(cosign(9, 5, alone)).size == 9


def test_a_witness_refuses_rollback_fork_and_foreign_signature(alone, witness):
    assert refusal(witness, messages.Witnessed(origin=ORIGIN)).code == "never-witnessed"
    witness.ask(cosign(5, 0, alone))
    assert (
        refusal(witness, cosign(7, 3, alone)).code,
        refusal(witness, cosign(7, 3, alone)).size,
    ) == ("conflict", 5)
    assert refusal(witness, cosign(3, 0, alone)).code == "conflict"
    assert refusal(witness, cosign(3, 5, alone)).code == "bad-request"
    other = [merkle.leaf_hash(b"forged"), *LEAVES[1:]]
    for size in (5, 8):
        assert refusal(witness, cosign(size, 5, alone, other)).code == "inconsistent"
    stranger = notes.SigningKey.from_seed(ORIGIN, bytes(32)).verifier
    assert refusal(witness, cosign(8, 5, alone, key=stranger)).code == "bad-note"
    assert witness.ask(messages.Witnessed(origin=ORIGIN)).size == 5


def test_a_witness_keeps_to_the_first_key_of_an_origin(alone, witness):
    witness.ask(cosign(5, 0, alone))
    mine = notes.SigningKey.from_seed(ORIGIN, bytes(32))
    note = notes.sign_checkpoint(
        notes.Checkpoint(ORIGIN, 8, merkle.root_of(LEAVES[:8])), mine
    ).encode()
    proof = merkle.consistency_proof(5, 8, node)
    forged = messages.Cosign(log_key=str(mine.verifier), old=5, proof=proof, note=note)
    assert refusal(witness, forged).code == "unknown-key"


def test_a_mark_that_cannot_be_written_whole_holds_no_later_one_back_from_the_disk(tmp_path):
    (tmp_path / "lock").touch()
    store = Store(tmp_path)
    half = Seen(log_key="k", size=2, root=bytes(32), note=b"", next_key=None)
    with pytest.raises(sqlite3.IntegrityError):
        store.keep_seen(ORIGIN, half)
    store.keep_signed(ORIGIN, Signed(size=3, root=bytes(32)))
    with sqlite3.connect(store.path) as another_reader:
        assert another_reader.execute("SELECT size FROM log").fetchall() == [(3,)]
        assert another_reader.execute("SELECT size FROM witnessed").fetchall() == []
    store.close()


def test_a_full_disk_signs_nothing_says_so_and_forgets_nothing(tmp_path, caplog):
    folder = tmp_path / "folder"
    signer = Signer(folder)
    server = Server(folder / "socket", signer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    door = SocketSigner(folder / "socket")
    try:
        door.ask(messages.OpenLog(origin=ORIGIN))
        first = door.ask(head(3, 0)).note
        (journal,) = folder.rglob("high-water.sqlite3-wal")
        with (
            no_file_longer_than(journal.stat().st_size + 100),
            pytest.raises(SignerUnreachable, match="make room"),
        ):
            door.ask(head(4, 3))
        assert "memory cannot be written" in caplog.text
        assert door.ask(head(3, 0)).note == first  # what was not signed is not remembered either
        assert door.ask(head(4, 3)).size == 4
    finally:
        door.close()
        server.shutdown()
        server.server_close()
        signer.close()
    again = Signer(folder)
    assert refusal(again, head(3, 0)).code == "rolled-back"
    again.close()


def test_of_many_at_once_a_witness_takes_a_line_without_forks(alone, witness):
    requests = [cosign(size, 0, alone) for size in range(1, 30)]
    taken, refused = [], []

    def submit(request):
        try:
            taken.append(witness.ask(request).size)
        except SignerRefused as refusal:
            refused.append(refusal.code)

    threads = [threading.Thread(target=submit, args=[request]) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert set(refused) == {"conflict"}


def test_the_process_answers_over_its_socket_and_survives_noise(tmp_path):
    import socket

    from sync.signer.server import short_path

    process = SignerProcess(tmp_path / ("a" * 90) / "signer")
    try:
        for noise in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"\xff\xff\xff\xff",
            b"\x00\x00\x00\x02{}",
            b"\x00\x00\x00\x05hel",
        ):
            with socket.socket(socket.AF_UNIX) as raw, short_path(process.socket) as path:
                raw.connect(path)
                raw.sendall(noise)
        door = process.door()
        key = door.ask(messages.OpenLog(origin=ORIGIN)).key
        assert refusal(door, head(3, 2)).code == "conflict"
        assert door.ask(head(3, 0)).size == 3
        process.kill()
        with pytest.raises(SignerUnreachable, match="minqing signer"):
            door.ask(head(4, 3))
        process.start()
        assert door.ask(messages.OpenLog(origin=ORIGIN)).key == key
        assert door.ask(head(4, 3)).size == 4
        assert (process.folder / "private").stat().st_mode & 0o077 == 0
        assert all(
            file.stat().st_mode & 0o077 == 0 for file in (process.folder / "private").iterdir()
        )
    finally:
        process.stop()


def test_nobody_at_the_socket_is_a_sentence(tmp_path):
    with pytest.raises(SignerUnreachable, match="minqing signer"):
        SocketSigner(tmp_path / "socket").ask(messages.WitnessKey())


def test_web_and_worker_hold_no_log_key(county, settings):
    with unit_context(county):
        mine = identity()
        names = {
            path.name for path in (settings.MINQING.state / "keys" / county.schema_name).iterdir()
        }
        assert names == {"ack", "peer", "box"}
        modes = {
            path.stat().st_mode & 0o777
            for path in (settings.MINQING.state / "keys" / county.schema_name).iterdir()
        }
        assert modes == {0o600}
        assert len({mine.log_key, mine.ack_key, mine.peer_key, mine.box_key, mine.witness_key}) == 5
