"""A real nginx with the file that `deploy/nginx` gives to operators, in front of a web that notes what reaches it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from minqing.demo.supervisor import free_port
from tests.support.certificates import certificates
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "nginx" / "minqing.conf"
HOST = "localhost"

_AROUND = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/errors info;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    fastcgi_temp_path {folder}/unused;
    uwsgi_temp_path {folder}/unused;
    scgi_temp_path {folder}/unused;
    include {folder}/site;
}}
"""


class Web(ThreadingHTTPServer):
    """Answers everything with 200 and keeps method, path, headers and body of each request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen = []
        self.begun = 0
        """Connections that came, whatever they said."""

    def process_request(self, request, client_address):
        self.begun += 1
        super().process_request(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _take(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = _take  # noqa: N815  the names that the library calls

    def log_message(self, *_):
        """Say nothing."""


class Front:
    """A running nginx."""

    def __init__(self, folder, web):
        self.folder, self.web = folder, web
        self.port, self.plain_port = free_port(), free_port()
        self.context = ssl.create_default_context(cafile=folder / "ca.pem")

    @property
    def address(self):
        return f"https://{HOST}:{self.port}"

    @property
    def said(self):
        """What it said while it started."""
        return (self.folder / "errors").read_text()

    @property
    def messages(self):
        """What nginx noted: the tests let it, the file itself lets it note nothing."""
        return (self.folder / "messages").read_text() + self.said

    def connect(self, protocols=("http/1.1",)):
        """Return an open TLS connection."""
        self.context.set_alpn_protocols(list(protocols))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        return self.context.wrap_socket(plain, server_hostname=HOST)


@contextmanager
def front(folder, *, changes=(), hosts=(HOST,), upstream=None, **certificate):
    """Run nginx with our file, before a web that only notes or before the one at the port ``upstream``.

    ``changes`` are pairs of words to be replaced, for a test that wants to see it fail; ``certificate`` is as `certificates` takes it.
    """
    certificates(folder, **{"names": hosts, **certificate})
    web = Web()
    serving = threading.Thread(target=web.serve_forever, daemon=True)
    serving.start()
    started = Front(folder, web)
    text = FILE.read_text()
    own = [
        ("unix:/run/minqing-web/web.sock", f"127.0.0.1:{upstream or web.server_port}"),
        ("listen 443 ", f"listen 127.0.0.1:{started.port} "),
        ("listen 80;", f"listen 127.0.0.1:{started.plain_port};"),
        ("xinshao.example.cn", " ".join(hosts)),
        ("/etc/minqing/tls/fullchain.pem", str(folder / "server.pem")),
        ("/etc/minqing/tls/key.pem", str(folder / "server.key")),
        ("error_log /dev/null crit;", f"error_log {folder / 'messages'} info;"),
    ]
    for was, now in (*own, *changes):
        assert was in text, was
        text = text.replace(was, now)
    (folder / "site").write_text(text)
    (folder / "main").write_text(_AROUND.format(folder=folder))
    command = [
        shutil.which("nginx", path="/usr/sbin:/usr/bin"),
        "-p",
        folder,
        "-c",
        folder / "main",
    ]
    with (folder / "errors").open("ab") as errors:
        running = subprocess.Popen(command, stderr=errors)
    try:
        _wait(started, running)
        yield started
    finally:
        running.terminate()
        running.wait(20)
        web.shutdown()
        serving.join()
        web.server_close()


def _wait(started, running):
    def answers():
        assert running.poll() is None, f"nginx does not take our file: {started.said}"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", started.port), timeout=5).close()
            return True
        return False

    wait_until(answers, otherwise=lambda: f"nginx does not answer: {started.said}")
