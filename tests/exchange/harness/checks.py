"""What must hold once everything is whole again: converged, nothing lost, nothing doubled, in order, nothing held."""

from __future__ import annotations

from collections import Counter, defaultdict

from sync.formats import merkle

APPLIED, HELD, ERASED = 0, 1, 2


def faults(issued, takings, acknowledged, narrowed=()):
    """Return what is wrong, in sentences; nothing if all is well.

    Args:
        issued: unit number to what its ``issued`` command said.
        takings: (observer, issuer) to what the observer's ``taken`` command said.
        acknowledged: unit number to the commitments that its appends returned.
        narrowed: (observer, issuer) where kinds were given from then on only: what was between comes late, when history is given.
    """
    found = []
    for number, log in issued.items():
        found += [f"unit {number}: {fault}" for fault in _log_faults(log, acknowledged[number])]
    for (observer, issuer), taken in takings.items():
        log = issued[issuer]
        allowed = {"public", "connected", f"unit:{issued[observer]['origin']}"}
        late = {"connected"} if (observer, issuer) in narrowed else set()
        found += [
            f"unit {observer} of {issuer}: {fault}"
            for fault in _taking_faults(log, taken, allowed, late)
        ]
    return found


def home_faults(custodies):
    """Return subjects that units think of differently: unit number to what its ``custodies`` command said."""
    found = []
    for subject in sorted({subject for known in custodies.values() for subject in known}):
        said = {number: tuple(known[subject]) if subject in known else None for number, known in custodies.items()}  # fmt: skip
        if len(set(said.values())) > 1 or any(one is not None and one[1] for one in said.values()):
            found.append(f"{subject} is kept by {said}")
    return found


def policy_faults(said, publisher, version):
    """Return units that go by another policy of the region than the newest: unit number to what ``policy_in_force`` said."""
    newest = said[1]
    if newest is None or newest[:2] != [publisher, version]:
        return [f"version {version} was published, and its publisher goes by {newest}"]
    return [f"unit {n} goes by the policy {one}, not {newest}" for n, one in said.items() if one != newest]  # fmt: skip


def _root(commitments):
    return merkle.root_of(
        [merkle.leaf_hash(b"\x01" + bytes.fromhex(text)) for text in commitments]
    ).hex()


def _log_faults(log, acknowledged):
    commitments = [leaf[1] for leaf in log["leaves"]]
    if [leaf[0] for leaf in log["leaves"]] != list(range(log["size"])):
        yield f"its {len(commitments)} entries are not those of its head of size {log['size']}"
    if _root(commitments) != log["root"]:
        yield "its entries do not give the root of its head"
    if log["waiting"]:
        yield f"{len(log['waiting'])} records wait though everything was sealed"
    lost = acknowledged - set(commitments)
    if lost:
        yield f"{len(lost)} acknowledged records are lost, e.g. {min(lost)}"
    if len(set(commitments)) != len(commitments):
        yield "a commitment stands in the log twice"
    words = Counter(leaf[5] for leaf in log["leaves"] if leaf[2] and leaf[2].startswith("soak."))
    doubled = [text[:20] for text, times in words.items() if times > 1]
    if doubled:
        yield f"sealed twice: {doubled[:5]}"


def _taking_faults(log, taken, allowed, late):
    size = log["size"]
    if (taken["mirrored"], taken["applied"]) != (size, size):
        yield f"cursors {taken['mirrored']}, {taken['applied']} of {size}"
        return
    copy = [taken["copy"][at : at + 64] for at in range(0, len(taken["copy"]), 64)]
    if copy != [leaf[1] for leaf in log["leaves"]]:
        yield "the copied leaves are not the issuer's"
    if taken["held"]:
        yield f"held back: {taken['held'][:5]}"
    rows = {index: (state, commitment) for index, state, commitment, _ in taken["rows"]}
    for index, commitment, kind, audience, *_ in log["leaves"]:
        expected = (
            audience in allowed
            and kind.partition(".")[0] in {"soak", "sync"}
            and kind != "sync.pad"
            if kind
            else None
        )
        if expected and rows.get(index) != (APPLIED, commitment):
            yield f"record {index} ({kind}, {audience}) came as {rows.get(index)}"
        if expected is False and index in rows:
            yield f"record {index} ({kind}, {audience}) must not have come"
        if expected is None and index in rows and rows[index][1] != commitment:
            yield f"erased record {index} came as another"
    if not set(rows) <= set(range(size)):
        yield "records came that the log does not hold"
    yield from _erasure_faults(log, taken)
    yield from _order_faults(log, taken, allowed, late)


def _erasure_faults(log, taken):
    ordered = set(log["gone"])
    for index, state, commitment, contents in taken["rows"]:
        if commitment in ordered and (state, contents) != (ERASED, 0):
            yield f"record {index} was erased by order and is still here: state {state}, {contents} of its parts"


def _order_faults(log, taken, allowed, late):
    handed = taken["handed"]
    times = Counter(index for index, *_ in handed)
    doubled = [index for index, count in times.items() if count > 1]
    if doubled:
        yield f"handed to the handler twice: {doubled[:5]}"
    missing = [
        index for index, _, kind, audience, *_ in log["leaves"]
        if kind and kind.startswith("soak.") and audience in allowed and index not in times
    ]  # fmt: skip
    if missing:
        yield f"never handed to the handler: {missing[:5]}"
    # What the issuer lost in a restore keeps its place in the log, but its number may have been given anew.
    lost = {
        index
        for index, commitment, kind, *_ in log["leaves"]
        if not kind and commitment not in log["gone"]
    }
    last = defaultdict(int)
    for index, subject, audience, n, _ in handed:
        if index in lost or audience in late:
            continue
        if n <= last[subject, audience]:
            yield f"record {index} of {subject} ({audience}) was handed over after number {last[subject, audience]}"
            break
        last[subject, audience] = n
