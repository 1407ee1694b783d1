"""Made-up units that witness."""

from __future__ import annotations

import time

from sync.formats import notes


def cosigning(liar, *, claim=None, ahead=0):
    """Let the liar witness: cosign whatever comes, or first claim a size; its clock may be some seconds ahead."""

    def handler(http):
        note = liar.seen[-1][3].partition(b"\n\n")[2]
        said = liar.seen[-1][3].split(b"\n", 1)[0]
        if claim is not None and said != b"old %d" % claim:
            http.send_response(409)
            answer = b"%d\n" % claim
        else:
            http.send_response(200)
            answer = notes.cosign(
                notes.parse_note(note).text, liar.keys["witness"], int(time.time()) + ahead
            ).line.encode()
        http.send_header("Content-Length", str(len(answer)))
        http.end_headers()
        http.wfile.write(answer)

    return handler
