"""Many writers at once, and processes killed at any point: nothing lost, repeated, reordered or forked."""

from __future__ import annotations

import os
import random
import select
import signal
import threading
import time
from collections import defaultdict

import pytest
from django.db import connection, connections, transaction

from sync import ledger
from sync.audiences import CONNECTED, PUBLIC
from sync.errors import SyncFault
from sync.formats import merkle, records
from sync.identity import log_key
from sync.kinds import RecordKind, register_kind
from sync.ledger import audit, publishing, tree
from sync.ledger.local import local_fetch, local_openings
from sync.models import Entry, Head, Opening, Pending
from sync.signer import client
from sync.signer.messages import LastHead, SignHead
from tenants.current import unit_context
from tests.support.signer_process import SignerProcess

register_kind(RecordKind(name="test.note"))
register_kind(RecordKind(name="test.report", slotted=True))

WRITERS = 12
EACH = 25


def assert_whole(committed, rolled_back=frozenset()):
    """Check the current unit's log: every committed record once, chains in order, all heads of one history."""
    entries = [bytes(entry.commitment).hex() for entry in Entry.objects.order_by("index")]
    assert list(Entry.objects.order_by("index").values_list("index", flat=True)) == list(
        range(len(entries))
    )
    assert len(set(entries)) == len(entries)
    assert set(committed) <= set(entries)
    assert not set(rolled_back) & set(entries)
    pads = Opening.objects.filter(kind=ledger.PAD).count()
    assert len(entries) - pads == len(set(committed))
    numbers = defaultdict(list)
    for opening in Opening.objects.exclude(kind=ledger.PAD).order_by("index"):
        header = records.decode_header(bytes(opening.header))
        numbers[header.subject, header.audience].append(header.chain.n)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    report, commitments = audit.audit_log(local_fetch, log_key())
    audit.audit_openings(report, commitments, local_openings(report.size), every=True)
    assert report.findings == []
    assert report.size == len(entries)
    for head in Head.objects.all():
        assert merkle.root(merkle.edge_of(head.size, tree.node_at(head.size))) == bytes(head.root)


class Writer(threading.Thread):
    """Appends in transactions that are slow, take their number early, or are rolled back."""

    def __init__(self, unit, seed):
        super().__init__()
        self.unit, self.dice = unit, random.Random(seed)
        self.committed, self.rolled_back = [], []

    def run(self):
        try:
            with unit_context(self.unit):
                for _ in range(EACH):
                    self.one()
        finally:
            connection.close()

    def one(self):
        dice, made = self.dice, []
        keep = dice.random() > 0.15
        with transaction.atomic():
            if dice.random() < 0.5:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_current_xact_id()")  # an early number, a late insert
            if dice.random() < 0.3:
                time.sleep(dice.random() * 0.03)
            for subject in sorted(dice.sample(["a", "b", "c", "d"], dice.choice([1, 1, 2]))):
                kind = "test.report" if subject == "d" else "test.note"
                audience = PUBLIC if dice.random() < 0.8 else CONNECTED
                made.append(
                    ledger.append(
                        kind=kind, subject=subject, body=dice.randbytes(40), audience=audience
                    ).commitment
                )
            if dice.random() < 0.2:
                time.sleep(dice.random() * 0.03)
            transaction.set_rollback(not keep)
        (self.committed if keep else self.rolled_back).extend(made)
        if keep and dice.random() < 0.3:
            ledger.seal()


class Sealer(threading.Thread):
    """Seals and ends slots until told to stop."""

    def __init__(self, unit, done):
        super().__init__()
        self.unit, self.done = unit, done

    def run(self):
        try:
            with unit_context(self.unit):
                while not self.done.is_set():
                    ledger.seal()
                    ledger.seal_slot()
        finally:
            connection.close()


def test_twelve_hostile_writers_and_two_sealers_lose_repeat_and_reorder_nothing(
    fresh_database, county
):
    done = threading.Event()
    writers = [Writer(county, seed) for seed in range(WRITERS)]
    sealers = [Sealer(county, done) for _ in range(2)]
    with unit_context(county):
        ledger.seal()
    for thread in [*writers, *sealers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    with unit_context(county):
        ledger.seal()
        ledger.seal_slot()
        committed = [commitment for writer in writers for commitment in writer.committed]
        rolled_back = [commitment for writer in writers for commitment in writer.rolled_back]
        assert committed
        assert rolled_back
        assert_whole(committed, rolled_back)
        assert not Pending.objects.exists()


def test_a_slow_transaction_does_not_hold_up_the_others(fresh_database, county):
    entered, finish = threading.Event(), threading.Event()

    def slow():
        with unit_context(county), transaction.atomic():
            ledger.append(kind="test.note", subject="slow", body=b"", audience=PUBLIC)
            entered.set()
            finish.wait(30)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    entered.wait(30)
    with unit_context(county):
        with transaction.atomic():
            ledger.append(kind="test.note", subject="quick", body=b"", audience=PUBLIC)
        assert ledger.seal().size == 1
        finish.set()
        thread.join()
        assert ledger.seal().size == 2


def child(unit, write):
    """Append, seal and end slots for ever; tell each commitment once its transaction has committed."""
    dice = random.Random()
    with unit_context(unit):
        while True:
            with transaction.atomic():
                kind = dice.choice(["test.note", "test.report"])
                subject = dice.choice("abc") + kind
                made = ledger.append(
                    kind=kind, subject=subject, body=dice.randbytes(300), audience=PUBLIC
                ).commitment
            os.write(write, made.encode())
            if dice.random() < 0.7:
                ledger.seal()
            if dice.random() < 0.2:
                ledger.seal_slot()


def fork(unit):
    """Fork a child that works; return its number and where it tells, once it has begun to."""
    connections.close_all()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            child(unit, write)
        finally:
            os._exit(1)
    os.close(write)
    assert select.select([read], [], [], 60)[0], "the child never began"
    return pid, read


def listen(read, count):
    """Wait until a child has told so many commitments; return them."""
    told = b""
    while len(told) < 64 * count:
        part = os.read(read, 64 * count - len(told))
        assert part, "the child ended by itself"
        told += part
    return [told[at : at + 64].decode() for at in range(0, len(told), 64)]


def kill(pid, read):
    """Kill a child without warning; return what it had told."""
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    told = b""
    while part := os.read(read, 65536):
        told += part
    os.close(read)
    assert os.WIFSIGNALED(status), "the child ended by itself"
    return [told[at : at + 64].decode() for at in range(0, len(told) - len(told) % 64, 64)]


def run_and_kill(unit, seconds):
    """Let a child work for a while, then kill it; return what it had told."""
    started = fork(unit)
    time.sleep(seconds)
    return kill(*started)


@pytest.mark.processes
def test_processes_that_seal_and_publish_at_once_make_one_history(fresh_database, county, tmp_path):
    """None of them holds a lock while the signer is asked: each finds its head overtaken again and again."""
    signer = SignerProcess(tmp_path / "signer")
    client.stand_in(signer.door)
    try:
        children = [fork(county) for _ in range(4)]
        told = [commitment for _, read in children for commitment in listen(read, 40)]
        told += [commitment for started in children for commitment in kill(*started)]
        with unit_context(county):
            ledger.seal()
            head = ledger.seal_slot()
            openings = Opening.objects.exclude(kind=ledger.PAD).values_list("index", flat=True)
            made = {
                bytes(entry.commitment).hex() for entry in Entry.objects.filter(index__in=openings)
            }
            assert set(told) <= made
            assert len(made - set(told)) <= len(children)
            assert_whole(made)
            last = signer.door().ask(LastHead(origin=head.origin))
            assert (last.size, last.root) == (head.size, head.root)
    finally:
        signer.stop()


class Overtaken:
    """A signer that lets somebody else work before it answers the first request for a signature."""

    def __init__(self, real, work):
        self.real, self.work = real, work

    def ask(self, request):
        if isinstance(request, SignHead) and self.work is not None:
            other, self.work = threading.Thread(target=self.work), None
            other.start()
            other.join()
        return self.real.ask(request)


@pytest.mark.parametrize("mine", [ledger.seal, ledger.publish], ids=["sealing", "publishing"])
@pytest.mark.parametrize("other", ["same", "larger", "signed only"])
def test_who_is_overtaken_while_the_signer_is_asked_returns_the_head_that_stands(
    fresh_database, county, monkeypatch, mine, other
):
    """Another process publishes the same head, or a larger one, or has one signed and dies."""
    real = client.signer()

    def append_one():
        with transaction.atomic():
            ledger.append(
                kind="test.note", subject=str(time.monotonic_ns()), body=b"", audience=PUBLIC
            )

    def overtake():
        try:
            with unit_context(county):
                if other == "same":
                    ledger.publish()
                elif other == "larger":
                    ledger.seal_slot()
                else:
                    with monkeypatch.context() as broken:
                        broken.setattr(publishing, "_is_kept", lambda signed: 1 / 0)
                        with pytest.raises(ZeroDivisionError):
                            ledger.seal_slot()
        finally:
            connection.close()

    with unit_context(county):
        ledger.seal()
        append_one()
        if mine is ledger.publish:
            with monkeypatch.context() as broken:
                broken.setattr(publishing, "publish_grown", lambda state, grown: ledger.head())
                assert ledger.seal().size == 0  # grown, never signed
        door = Overtaken(real, overtake)
        monkeypatch.setattr(client, "signer", lambda: door)
        head = mine()
        assert door.work is None
        assert head == ledger.head()
        last = real.ask(LastHead(origin=head.origin))
        assert (last.size, last.root) == (head.size, head.root)
        assert (head.size == 1) is (other == "same")
        append_one()
        assert ledger.seal().size == head.size + 1
        assert_whole(
            [
                bytes(entry.commitment).hex()
                for entry in Entry.objects.filter(
                    index__in=Opening.objects.exclude(kind=ledger.PAD).values_list(
                        "index", flat=True
                    )
                )
            ]
        )


@pytest.mark.processes
def test_a_process_killed_at_any_point_loses_doubles_and_forks_nothing(
    fresh_database, county, tmp_path
):
    signer = SignerProcess(tmp_path / "signer")
    client.stand_in(signer.door)
    dice = random.Random()
    told = []
    try:
        for _ in range(25):
            told += run_and_kill(county, dice.random() * 0.25)
        signer.kill()
        signer.start()
        with unit_context(county):
            ledger.seal()
            head = ledger.seal_slot()
            # The child may die between its commit and telling us: nothing told is missing, nothing else is wrong.
            entries = {bytes(opening.commitment).hex() for opening in Entry.objects.all()}
            openings = Opening.objects.exclude(kind=ledger.PAD).values_list("index", flat=True)
            untold = {
                bytes(entry.commitment).hex() for entry in Entry.objects.filter(index__in=openings)
            } - set(told)
            assert len(untold) <= 25
            assert set(told) <= entries
            assert_whole([*told, *untold])
            last = signer.door().ask(LastHead(origin=head.origin))
            assert (last.size, last.root) == (head.size, head.root)
    finally:
        signer.stop()


@pytest.mark.processes
def test_a_signer_killed_at_any_point_never_signs_two_histories(fresh_database, county, tmp_path):
    signer = SignerProcess(tmp_path / "signer")
    client.stand_in(signer.door)
    dice = random.Random()
    stop = threading.Event()
    told = []

    def work():
        with unit_context(county):
            while not stop.is_set():
                with transaction.atomic():
                    made = ledger.append(
                        kind="test.note", subject="s", body=b"", audience=PUBLIC
                    ).commitment
                told.append(made)
                try:
                    ledger.seal()
                except SyncFault:
                    continue
        connection.close()
        signer.door().close()

    with unit_context(county):
        ledger.seal()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(4):
            time.sleep(dice.random() * 0.2)
            signer.kill()
            signer.start()
    finally:
        stop.set()
        thread.join()
    try:
        with unit_context(county):
            ledger.seal()
            assert_whole(told)
    finally:
        signer.stop()
