"""The nginx file that operators get: a real nginx takes it, spools nothing, passes no address on, and lets no sender hold the web."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.nginx import FILE, HOST, front

pytestmark = [pytest.mark.nginx]

SPOOLED = "buffered to a temporary file"
MOST = 12 * 1024 * 1024


@pytest.fixture(scope="module")
def nginx(tmp_path_factory):
    with front(tmp_path_factory.mktemp("nginx")) as running:
        yield running


@pytest.fixture
def web(nginx):
    """What stands behind it, with nothing noted yet."""
    nginx.web.seen.clear()
    return nginx.web


@pytest.fixture
def client(nginx):
    with httpx.Client(
        base_url=nginx.address, verify=nginx.context, trust_env=False, timeout=60
    ) as client:
        yield client


def half(nginx, body=b"half of", length=1000):
    """Begin a report and stop in the middle."""
    sending = nginx.connect()
    sending.sendall(
        f"POST /report/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n".encode()
        + body
    )
    return sending


def test_pages_come_over_tls_and_http_2(nginx, web, client):
    assert client.get("/search/?q=%E6%B5%8B").text == "ok"
    assert [(method, path) for method, path, _, _ in web.seen] == [("GET", "/search/?q=%E6%B5%8B")]
    with nginx.connect(("h2", "http/1.1")) as talking:
        assert talking.selected_alpn_protocol() == "h2"


def test_plain_http_is_sent_to_the_same_page_over_tls(nginx, web):
    answer = httpx.get(
        f"http://127.0.0.1:{nginx.plain_port}/archives/?page=2",
        headers={"host": HOST},
        trust_env=False,
    )
    assert (answer.status_code, answer.headers["location"]) == (
        301,
        f"https://{HOST}/archives/?page=2",
    )
    assert web.seen == []


@pytest.mark.parametrize("page", ["/", "/ledger/leaves/0/256"])
def test_the_web_learns_the_host_and_the_scheme_and_no_address(web, client, page):
    said = "203.0.113.77"
    client.get(page, headers={"X-Forwarded-For": said, "X-Real-IP": said, "Forwarded": f"for={said}"})  # fmt: skip
    [(_, _, headers, _)] = web.seen
    assert headers["Host"] == f"{HOST}:{client.base_url.port}"
    assert headers["X-Forwarded-Proto"] == "https"
    assert said not in str(headers)
    assert "127.0.0.1" not in str(headers)


def test_the_largest_report_arrives_whole_and_is_written_to_no_file(nginx, web, client):
    body = secrets.token_bytes(1024) * (MOST // 1024)
    assert client.post("/report/", content=body).status_code == 200
    assert web.seen[0][3] == body
    assert SPOOLED not in nginx.messages


def test_without_our_buffer_the_same_report_would_lie_on_disk(tmp_path):
    with front(
        tmp_path,
        changes=[
            ("client_body_buffer_size 13m;", "client_body_buffer_size 16k;"),
            ("client_body_in_single_buffer on;", ""),
        ],
    ) as nginx:
        httpx.post(f"{nginx.address}/report/", content=bytes(MOST), verify=nginx.context, trust_env=False, timeout=60)  # fmt: skip
        assert SPOOLED in nginx.messages


@pytest.mark.parametrize(
    ("body", "status"), [(bytes(MOST + 1), 413), (iter([b"no ", b"length"]), 411)]
)
def test_a_body_that_fits_no_buffer_is_refused_before_the_web(web, client, body, status):
    assert client.post("/report/", content=body).status_code == status
    assert web.seen == []


def test_giant_headers_are_refused_before_the_web(web, client):
    assert client.get("/", headers={"x-giant": "a" * 40_000}).status_code == 400
    assert client.get("/?" + "a" * 40_000).status_code == 414
    assert web.seen == []


def test_senders_of_half_reports_hold_nothing_of_the_web(nginx, web, client):
    assert client.get("/").status_code == 200
    begun = web.begun
    halves = [half(nginx) for _ in range(100)]
    try:
        assert client.get("/still-there").status_code == 200
        assert [path for _, path, _, _ in web.seen] == ["/", "/still-there"]
        assert web.begun - begun <= 1
        halves[0].sendall(b"." * 993)
        assert halves[0].recv(100).startswith(b"HTTP/1.1 200")
        assert web.seen[-1][3] == b"half of" + b"." * 993
    finally:
        for sending in halves:
            sending.close()


def test_who_stops_in_the_middle_is_cut_off(tmp_path):
    waits = [("client_body_timeout 60s;", "client_body_timeout 1s;"), ("client_header_timeout 20s;", "client_header_timeout 1s;")]  # fmt: skip
    with front(tmp_path, changes=waits) as nginx:
        with half(nginx) as sending:
            assert sending.recv(100).startswith(b"HTTP/1.1 408") or sending.recv(100) == b""
        with nginx.connect() as sending:
            sending.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert sending.recv(100) == b""
        assert nginx.web.seen == []


def test_runs_of_leaves_are_let_through_so_fast_only_and_other_pages_as_before(web, client):
    with ThreadPoolExecutor(100) as pool:  # more at once than may wait
        said = list(
            pool.map(lambda _: client.get("/ledger/leaves/0/65536").status_code, range(100))
        )
    assert set(said) == {200, 429}
    assert said.count(200) >= 20
    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(lambda _: client.get("/search/").status_code, range(100))) == {200}


def test_nothing_is_noted_by_the_file_as_it_stands():
    text = FILE.read_text()
    assert text.count("access_log off;") == text.count("server {") == 2
    assert text.count("error_log /dev/null crit;") == 2
