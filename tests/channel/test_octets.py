"""A citizen's words are the decoded octets of the one field: never altered, or refused with a sentence."""

from __future__ import annotations

import base64
import unicodedata
from urllib.parse import quote_from_bytes

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from minqing.channel.errors import FormFault, TooLarge, WordsFault
from minqing.channel.octets import MAX_WORDS, form_of, form_read, from_elsewhere

HARD = {
    "crlf": "第一行\r\n第二行\r\n".encode(),
    "lone line ends": "一\r二\n三\n\r四".encode(),
    "outer blanks": "  \t\u3000话 \u00a0\n\n".encode(),
    "composed": unicodedata.normalize("NFC", "é ﬁ 각").encode(),
    "decomposed": unicodedata.normalize("NFD", "é ﬁ 각").encode(),
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈😀".encode(),
    "rare characters": "𠀀𪚥𫠝𬺰𰻞 㐀 \U000e0100".encode(),
    "byte order mark": "\ufeff开头和\ufeff中间".encode(),
    "controls": "\x01\x08\x0b\x1b[31m\x7f\u0085\u2028\u202e".encode(),
    "last code point": "\U0010ffff\ue000".encode(),
    "form marks": b"a=b&words=c;d%26e+f%2Bg%zz%",
    "looks like a part": b"--X\r\nContent-Disposition: form-data; name=\"words\"\r\n\r\nother",
    "html": b"</textarea><script>&lt;&amp;",
    "largest": ("字" * (MAX_WORDS // 3)).encode() + b"!" * (MAX_WORDS % 3),
}  # fmt: skip


def multipart(*parts: bytes, boundary: bytes = b"----WebKitFormBoundaryq1") -> tuple[str, bytes]:
    body = (
        b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
        + b"--"
        + boundary
        + b"--\r\n"
    )
    return f"multipart/form-data; boundary={boundary.decode()}", body


def part(name: str, octets: bytes, extra: bytes = b"", disposition: bytes = b"") -> bytes:
    return (
        b'Content-Disposition: form-data; name="'
        + name.encode()
        + b'"'
        + disposition
        + b"\r\n"
        + extra
        + b"\r\n"
        + octets
    )


def urlencoded(name: str, octets: bytes, safe: str = "") -> bytes:
    return name.encode() + b"=" + quote_from_bytes(octets, safe=safe).encode()


def words_of(content_type: str, body: bytes) -> bytes:
    return form_read(content_type=content_type, body=body).words("words")


@pytest.mark.parametrize("octets", HARD.values(), ids=HARD.keys())
def test_words_come_out_as_they_went_in(octets):
    assert words_of(*multipart(part("kind", b"help"), part("words", octets))) == octets
    assert (
        words_of("application/x-www-form-urlencoded", b"kind=help&" + urlencoded("words", octets))
        == octets
    )
    file = part("words", octets, b"Content-Type: text/plain\r\n", b'; filename="my words.txt"')
    assert words_of(*multipart(file)) == octets
    encoded = part(
        "words",
        base64.encodebytes(octets).replace(b"\n", b"\r\n"),
        b"Content-Transfer-Encoding: BASE64\r\n",
    )
    assert words_of(*multipart(encoded)) == octets


@given(
    st.text(min_size=1).filter(
        lambda text: text.strip() and "\0" not in text and "\ud800" not in ascii(text)
    )
)
def test_any_text_comes_out_as_it_went_in(text):
    try:
        octets = text.encode()
    except UnicodeEncodeError:
        return
    assert words_of(*multipart(part("words", octets))) == octets
    assert words_of("application/x-www-form-urlencoded", urlencoded("words", octets)) == octets


def test_octets_that_arrive_raw_or_encoded_without_need_are_the_same_words():
    words = "路 灯".encode()
    assert (
        words_of("application/x-www-form-urlencoded", b"words=" + words.replace(b" ", b"+"))
        == words
    )
    every = b"".join(b"%%%02x" % octet for octet in words)
    assert words_of("application/x-www-form-urlencoded", b"words=" + every) == words
    assert (
        words_of("application/x-www-form-urlencoded; charset=UTF-8", b"%77ords=" + every) == words
    )


@pytest.mark.parametrize(
    "octets",
    [
        b"\xff\xfe",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"ok \xf4\x90\x80\x80",
        "编码".encode("gb18030"),
        b"half \xe4\xbd",
        b"\x80",
    ],
)
def test_what_is_not_utf8_is_refused_and_never_replaced(octets):
    for content_type, body in (
        multipart(part("words", octets)),
        ("application/x-www-form-urlencoded", urlencoded("words", octets)),
    ):
        with pytest.raises(WordsFault, match="UTF-8"):
            words_of(content_type, body)


@pytest.mark.parametrize("octets", [b"a\0b", b"\0", "话\0".encode()])
def test_nul_is_refused(octets):
    for content_type, body in (
        multipart(part("words", octets)),
        ("application/x-www-form-urlencoded", urlencoded("words", octets)),
    ):
        with pytest.raises(WordsFault, match="NUL"):
            words_of(content_type, body)


def test_overlong_and_double_percent_encoding_is_not_decoded_twice():
    assert words_of("application/x-www-form-urlencoded", b"words=%2500%25e4") == b"%00%e4"
    assert words_of("application/x-www-form-urlencoded", b"words=100%&x=%") == b"100%"
    assert words_of("application/x-www-form-urlencoded", b"words=%u4e00%4") == b"%u4e00%4"


def test_one_octet_too_many_is_refused():
    with pytest.raises(TooLarge, match="100 KB"):
        words_of(*multipart(part("words", b"x" * (MAX_WORDS + 1))))


@pytest.mark.parametrize("octets", [b"", b" \r\n\t", "\u3000\u3000".encode()])
def test_nothing_written_is_asked_for(octets):
    with pytest.raises(WordsFault, match="还没有写"):
        words_of(*multipart(part("words", octets)))


def test_two_fields_of_words_are_refused_rather_than_chosen_from():
    for content_type, body in (
        multipart(part("words", b"one"), part("words", b"two")),
        ("application/x-www-form-urlencoded", b"words=one&words=two"),
        ("application/x-www-form-urlencoded", b"words=one&%77ords="),
    ):
        with pytest.raises(FormFault, match="两份"):
            words_of(content_type, body)


@pytest.mark.parametrize(
    "name", ["words ", "Words", "words[]", "ｗords", "words\\", "w\u00f6rds", "words%22"]
)
def test_a_name_like_ours_is_not_ours(name):
    with pytest.raises(WordsFault, match="还没有写"):
        words_of(*multipart(part(name, b"sneaked in")))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--X\r\n\r\n"),
        ("multipart/form-data; boundary=", b""),
        ("multipart/form-data; boundary=X", b""),
        ("multipart/form-data; boundary=X", b"--X\r\n" + part("words", b"cut off")),
        ("multipart/form-data; boundary=X", b"--X\r\nno headers"),
        ("multipart/form-data; boundary=X", b"--X\r\nContent-Disposition: attachment; name=words\r\n\r\nx\r\n--X--"),
        ("multipart/form-data; boundary=X", b"--X\r\nContent-Type: text/plain\r\n\r\nx\r\n--X--"),
        ("multipart/form-data; boundary=X", b"--Xevil\r\n" + part("words", b"x") + b"\r\n--X--"),
        ("multipart/form-data; boundary=X", b"--X\r\n" + part("words", b"x") + b"\r\n--X--\r\n--X\r\n" + part("words", b"y") + b"\r\n--X--"),
        ("multipart/form-data; boundary=X", b"--X\r\n" + part("words", b"x", b"Content-Transfer-Encoding: quoted-printable\r\n") + b"\r\n--X--"),
        ("multipart/form-data; boundary=X", b"--X\r\n" + part("words", b"*", b"Content-Transfer-Encoding: base64\r\n") + b"\r\n--X--"),
        ("multipart/form-data; boundary=" + "x" * 71, b"--" + b"x" * 71 + b"--"),
        ("multipart/form-data; boundary=X; charset=gbk", b"--X--"),
        ("application/x-www-form-urlencoded; charset=gb18030", b"words=x"),
        ("application/json", b'{"words": "x"}'),
        ("text/plain", b"words=x"),
        ("", b"words=x"),
        ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % n for n in range(65))),
    ],
)  # fmt: skip
def test_a_form_that_two_readers_could_read_differently_is_refused(content_type, body):
    with pytest.raises(FormFault):
        form_read(content_type=content_type, body=body)


@given(st.binary(max_size=300))
def test_no_body_brings_anything_but_a_sentence(body):
    for content_type in ("multipart/form-data; boundary=X", "application/x-www-form-urlencoded"):
        try:
            form = form_read(content_type=content_type, body=body.replace(b"\x01", b"\r\n--X\r\n"))
        except FormFault:
            continue
        assert all(isinstance(field.octets, bytes) for field in form.fields)


@pytest.mark.parametrize(
    "padding", [b" " * 8000 + b"x", b'"' * 8000, b"a" * 8000, b"a " * 4000, b"\\" * 8000]
)
def test_a_head_made_to_be_read_for_ever_is_refused_like_any_other(padding):
    content_type, body = multipart(*[part("words", b"x", disposition=b";" + padding)] * 60)
    with pytest.raises(FormFault):
        form_read(content_type=content_type, body=body)


def test_a_file_name_with_escaped_quotes_is_still_a_file():
    disposition = b'; filename="C:\\photos\\a \\"b\\".jpg"'
    content_type, body = multipart(part("photo", b"x", disposition=disposition))
    assert form_read(content_type=content_type, body=body).files("photo") == (b"x",)


def test_the_envelope_is_thrown_away():
    content_type, body = multipart(
        part(
            "words",
            b"x",
            b"X-Agent: Secret/1.0\r\n",
            b'; filename="C:\\\\Users\\\\boss\\\\\xe5.txt"',
        )
    )
    assert "boss" not in repr(form_read(content_type=content_type, body=body))


def test_files_without_content_are_no_photos():
    empty = part("photo", b"", b"Content-Type: application/octet-stream\r\n", b'; filename=""')
    full = part("photo", b"\xff\xd8\xff", b"", b'; filename="a"')
    form = form_read(
        **dict(zip(("content_type", "body"), multipart(empty, full, full), strict=True))
    )
    assert form.files("photo") == (b"\xff\xd8\xff", b"\xff\xd8\xff")


def test_small_fields_are_text_without_outer_blanks():
    form = form_read(
        content_type="application/x-www-form-urlencoded",
        body=b"kind=+help+&place=%E6%9D%91&contact=%ff&x=%00a&x2=",
    )
    assert form.text("kind") == "help"
    assert form.text("place") == "村"
    assert form.text("missing") == ""
    for name in ("contact", "x"):
        with pytest.raises(FormFault):
            form.text(name)
    with pytest.raises(TooLarge):
        form.text("place", most=0)


def test_a_request_is_read_from_its_raw_body_and_other_sites_are_turned_away():
    content_type, body = multipart(part("words", HARD["outer blanks"]))
    request = RequestFactory().post(
        "/", data=body, content_type=content_type, headers={"host": "xinshao.localhost"}
    )
    assert form_of(request).words("words") == HARD["outer blanks"]
    assert not from_elsewhere(request)
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}):
        assert from_elsewhere(
            RequestFactory().post("/", headers={"host": "xinshao.localhost", **headers})
        )
    for headers in (
        {"origin": "null"},
        {"origin": "http://xinshao.localhost", "sec-fetch-site": "same-origin"},
    ):
        assert not from_elsewhere(
            RequestFactory().post("/", headers={"host": "xinshao.localhost", **headers})
        )


def test_an_origin_that_is_no_address_is_another_site():
    for origin in ("http://[", "http://[::1", "//", "x"):
        assert from_elsewhere(RequestFactory().post("/", headers={"origin": origin}))


def test_a_form_larger_than_the_site_takes_is_refused_with_a_sentence(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    content_type, body = multipart(part("words", b"x" * 2000))
    with pytest.raises(TooLarge, match="太大"):
        form_of(RequestFactory().post("/", data=body, content_type=content_type))
