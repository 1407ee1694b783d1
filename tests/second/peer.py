"""The other half of the second implementation: what a connected peer is told, by one signed request (RFC 9421)."""

from __future__ import annotations

import base64
import secrets
import struct
import time
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.second.reader import Key, fetch, must, open_note, sha256


def disclosed(base, document, own_origin, peer_seed, start, stop):
    """Return (rows, note's fields): what a unit discloses to us, by one signed request."""
    url = f"{base}/exchange/records?from={start}&to={stop}"
    digest = f"sha-256=:{base64.b64encode(sha256()).decode()}:"
    covered = '("@method" "@target-uri" "@authority" "content-digest")'
    parameters = (
        f'{covered};created={int(time.time())};keyid="{own_origin}";alg="ed25519"'
        f';nonce="{secrets.token_urlsafe(24)}";tag="minqing-exchange"'
    )
    lines = {"@method": "GET", "@target-uri": url, "@authority": urlsplit(url).netloc}
    lines |= {"content-digest": digest, "@signature-params": parameters}
    text = "\n".join(f'"{name}": {value}' for name, value in lines.items())
    signature = base64.b64encode(
        Ed25519PrivateKey.from_private_bytes(peer_seed).sign(text.encode())
    )
    headers = {"Content-Digest": digest, "Signature-Input": f"minqing={parameters}"}
    octets = fetch(url, headers | {"Signature": f"minqing=:{signature.decode()}:"})
    rows, at, note = [], 0, b""
    while at < len(octets):
        (count,), fields = struct.unpack_from(">H", octets, at), []
        at += 2
        for _ in range(count):
            (length,) = struct.unpack_from(">i", octets, at)
            at += 4
            fields.append(None if length < 0 else octets[at : at + length])
            at += max(length, 0)
        if count == 1:
            (note,) = fields
        else:
            rows.append((int.from_bytes(fields[0], "big"), *fields[1:]))
    text, signers = open_note(note, [Key.parse(document["keys"]["peer"])])
    must(signers and at == len(octets), "the answer does not end with the unit's note")
    head, *said = text.decode().splitlines()
    must(head == "minqing disclosure 1", "the answer ends with another note")
    return rows, [tuple(line.split(" ")) for line in said]
