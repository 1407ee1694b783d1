"""The keys this unit knows of others, as a policy file: what a reader checks those others' papers with.

Operators compared the fingerprints behind these keys by another way. A unit never vouches for itself here,
and the witness of the deployment that runs a unit does not count for that unit's log.
"""

from __future__ import annotations

from sync.exchange import keyring
from sync.identity import witness_keys
from sync.models.exchange import Peer


def policy_about(origin: str) -> bytes | None:
    """Return a tlog-policy (c2sp.org/tlog-policy) for one connected unit's log, or None where none is connected.

    Any one operator outside that unit's deployment is enough; where no other deployment is known, the quorum is
    ``none`` and a reader learns that there is nothing but the unit's word.
    """
    connected = (
        Peer.objects.filter(ended_on=None).exclude(accepted_here=None).exclude(accepted_there=None)
    )
    about = connected.filter(origin=origin).first()
    if about is None:
        return None
    own = {str(key) for key in keyring.verifiers(about, "witness")}
    witnesses = {
        *(str(key) for key in witness_keys()),
        *(str(key) for peer in connected for key in keyring.verifiers(peer, "witness")),
    } - own
    names = {f"operator{number}": key for number, key in enumerate(sorted(witnesses), 1)}
    known = keyring.log_keys(about)
    lines = [
        *(f"log {key}" for key in known.current),
        *(f"#: former {key} {last}" for key, last in known.former.items()),
        *(f"witness {name} {key}" for name, key in names.items()),
    ]
    if names:
        lines += [f"group outside any {' '.join(names)}", "quorum outside"]
    else:
        lines += ["quorum none"]
    return ("\n".join(lines) + "\n").encode()
