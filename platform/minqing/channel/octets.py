"""The decoded octets of form fields, read from the raw body without ``request.POST``.

``request.POST`` replaces octets that are not UTF-8 and form fields trim; a citizen's words would be no
longer the citizen's. Here they are what remains after transfer decoding (percent-encoding, multipart,
base64) and before anything else. The envelope (boundary, file names, headers) is thrown away.
Sources: RFC 7578 (multipart/form-data), RFC 2046 §5.1, WHATWG URL §5.1 (urlencoded parsing).

The view must be ``csrf_exempt``: Django's check reads ``request.POST`` and with it the body. A report
carries no sign-in that another site could borrow; ``from_elsewhere`` turns other sites' forms away.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from django.utils.translation import gettext as _

from minqing.channel.errors import FormFault, TooLarge, WordsFault

if TYPE_CHECKING:
    from django.http import HttpRequest

MAX_WORDS = 100 * 1024
"""Most octets of one citizen's words."""
MAX_NOTE = 450
"""Most characters of what staff write beside a step; a step's line holds a few words more."""
MAX_FIELDS = 64
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field or file of a form; file names, types and order of headers are not kept."""

    name: str
    octets: bytes
    is_file: bool


@dataclass(frozen=True, kw_only=True)
class Form:
    """The fields of one submission in the order they came."""

    fields: tuple[Field, ...]

    def words(self, name: str) -> bytes:
        """Return the octets of the one field or file of that name, unaltered.

        Raises:
            FormFault: the field is missing or came twice.
            WordsFault: it is empty, not UTF-8, or holds NUL.
            TooLarge: it is longer than ``MAX_WORDS``.
        """
        found = [field.octets for field in self.fields if field.name == name]
        if len(found) > 1:
            raise FormFault(_("内容送来了两份，分不清以哪一份为准，没有收下。请返回重新提交一次。"))
        if not found:
            raise WordsFault(_("还没有写内容。请先写下您要反映的事。"))
        return check_words(found[0])

    def text(self, name: str, *, most: int = 200) -> str:
        """Return a small field as text without outer blanks; empty when it did not come.

        Raises:
            FormFault: it came twice or is not UTF-8.
            TooLarge: it is longer than ``most`` characters.
        """
        found = [field.octets for field in self.fields if field.name == name and not field.is_file]
        if not found:
            return ""
        if len(found) > 1:
            raise FormFault(_("表单里有一项送来了两次。请返回重新提交一次。"))
        try:
            value = found[0].decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise FormFault(_("表单里有一项不是 UTF-8 文字。请换一个浏览器再试。")) from error
        if "\0" in value:
            raise FormFault(_("表单里有一项含有空字符，没有收下。请返回重新填写。"))
        if len(value) > most:
            raise TooLarge(_("有一项太长了：最多 %(most)d 个字。") % {"most": most})
        return value

    def files(self, name: str) -> tuple[bytes, ...]:
        """Return the octets of every non-empty file of that name."""
        return tuple(
            field.octets
            for field in self.fields
            if field.name == name and field.is_file and field.octets
        )


def check_words(octets: bytes) -> bytes:
    """Return the octets themselves if they can be kept as they are; the order of checks is fixed.

    Raises:
        WordsFault: empty, not UTF-8, or with NUL.
        TooLarge: longer than ``MAX_WORDS``.
    """
    if len(octets) > MAX_WORDS:
        raise TooLarge(
            _("内容超过 100 KB（约三万字），没有收下。请分成几次提交，或把长文作为照片附上。")
        )
    try:
        text = octets.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise WordsFault(
            _(
                "内容里有不是 UTF-8 的字节，照原样存不下来，我们也不会替您改，所以没有收下。请换一个浏览器或输入法再提交。"
            )
        ) from error
    if "\0" in text:
        raise WordsFault(
            _("内容里有空字符（NUL），我们不会替您删改，所以没有收下。请删去后再提交。")
        )
    if not text.strip():
        raise WordsFault(_("还没有写内容。请先写下您要反映的事。"))
    return octets


def check_note(text: str, *, most: int = MAX_NOTE) -> str:
    """Return what staff wrote beside a step, without outer blanks, if it can be kept whole.

    Raises:
        FormFault: it holds NUL.
        TooLarge: it is longer than ``most`` characters.
    """
    if "\0" in text:
        raise FormFault(_("表单里有一项含有空字符，没有收下。请返回重新填写。"))
    if len(text.strip()) > most:
        raise TooLarge(_("有一项太长了：最多 %(most)d 个字。") % {"most": most})
    return text.strip()


def form_of(request: HttpRequest) -> Form:
    """Read a request's form from its raw body.

    Raises:
        FormFault: the body is no well-formed form.
        TooLarge: it is larger than the site takes.
    """
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise TooLarge(_("照片和内容合起来太大了：最多 12 MB。请少附几张照片。")) from error
    except UnreadablePostError as error:
        raise FormFault(_("提交中断了，没有收下。请再提交一次。")) from error
    return form_read(content_type=request.META.get("CONTENT_TYPE", ""), body=body)


def form_read(*, content_type: str, body: bytes) -> Form:
    """Read a form of either encoding.

    Raises:
        FormFault: with a sentence; nothing of the body is guessed.
    """
    header = Message()
    header["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    charset = header.get_param("charset")
    if isinstance(charset, str) and charset.lower() not in {"utf-8", "utf8"}:
        raise FormFault(_("表单不是 UTF-8 编码，没有收下。请换一个浏览器再试。"))
    match header.get_content_type() if content_type else "":
        case "application/x-www-form-urlencoded":
            fields = _urlencoded(body)
        case "multipart/form-data":
            fields = _multipart(body, header.get_param("boundary"))
        case _other:
            raise FormFault(_("请用网页上的表单提交。"))
    return Form(fields=tuple(fields))


def from_elsewhere(request: HttpRequest) -> bool:
    """Say whether a browser tells that another site's page sent this form. Old browsers tell nothing."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") == "cross-site":
        return True
    origin = request.headers.get("Origin", "")
    if origin in {"", "null"}:
        return False
    try:
        return urlsplit(origin).netloc.lower() != request.get_host().lower()
    except ValueError:
        return True  # an address that cannot be read is not this site's


# --- application/x-www-form-urlencoded ----------------------------------------------------------


def _urlencoded(body: bytes) -> list[Field]:
    pieces = [piece for piece in body.split(b"&", MAX_FIELDS + 1) if piece]
    _check_count(len(pieces))
    fields = []
    for piece in pieces:
        name, _equals, value = piece.partition(b"=")
        fields.append(
            Field(name=_name(_percent_decoded(name)), octets=_percent_decoded(value), is_file=False)
        )
    return fields


def _percent_decoded(octets: bytes) -> bytes:
    """Decode as the WHATWG URL standard does: a per cent sign without two hex digits stays itself."""
    return unquote_to_bytes(octets.replace(b"+", b" "))


# --- multipart/form-data ------------------------------------------------------------------------


def _multipart(body: bytes, boundary: object) -> list[Field]:
    if not isinstance(boundary, str) or _BOUNDARY.fullmatch(boundary) is None:
        raise _broken()
    delimiter = b"\r\n--" + boundary.encode("ascii")
    # The first delimiter may stand at the very beginning, without the line end that belongs to it.
    pieces = (b"\r\n" + body).split(delimiter, MAX_FIELDS + 3)
    _check_count(len(pieces) - 2)
    if len(pieces) < 2:
        raise _broken()
    for place, piece in enumerate(pieces[1:], start=1):
        if piece.startswith(b"--"):
            if place != len(pieces) - 1:
                raise _broken()  # something follows the close: two readers could differ on it
            return [_part(inner) for inner in pieces[1:place]]
    raise _broken()


def _part(piece: bytes) -> Field:
    padding, line_end, rest = piece.partition(b"\r\n")
    if padding.strip(b" \t") or not line_end:
        raise _broken()
    head, blank, octets = (b"\r\n" + rest).partition(b"\r\n\r\n")
    if not blank or len(head) > 8192:
        raise _broken()
    name: str | None = None
    is_file = False
    encoding = "binary"
    for line in head.split(b"\r\n")[1:]:
        key, colon, value = line.partition(b":")
        if not colon or key != key.strip():
            raise _broken()
        match key.lower():
            case b"content-disposition":
                if name is not None:
                    raise _broken()
                name, is_file = _disposition(value)
            case b"content-transfer-encoding":
                encoding = value.strip().lower().decode("ascii", "replace")
            case _other:
                pass
    if name is None:
        raise _broken()
    return Field(name=name, octets=_transfer_decoded(octets, encoding), is_file=is_file)


def _disposition(value: bytes) -> tuple[str, bool]:
    """Return the field's name and whether it is a file; the file's name is not even looked at."""
    kind, _semicolon, parameters = value.partition(b";")
    if kind.strip().lower() != b"form-data":
        raise _broken()
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(parameters):
        match = _PARAMETER.match(parameters, at)
        if match is None:
            raise _broken()
        key = match[1]
        given = next(group for group in match.groups()[1:] if group is not None)
        if found.setdefault(key.lower(), given) != given:
            raise _broken()  # named twice: two readers could differ on it
        at = match.end()
    if b"name" not in found:
        raise _broken()
    return _name(found[b"name"]), b"filename" in found or b"filename*" in found


# Browsers escape a quote as %22 and never a backslash (WHATWG HTML, multipart/form-data encoding); older Firefox wrote \".
# Nothing is given back once read and each parameter begins where the last one ended: hostile octets cost no more than others.
_PARAMETER = re.compile(
    rb'\s*+([^\s=;"]++)\s*+=\s*+(?:"([^"]*+)"(?=\s*+(?:;|$))|"((?:[^"\\]|\\.)*+)"|([^\s;"]*+))\s*+(?:;\s*+|$)',
    re.DOTALL,
)


def _transfer_decoded(octets: bytes, encoding: str) -> bytes:
    if encoding in {"binary", "8bit", "7bit", ""}:
        return octets
    if encoding == "base64":
        try:
            return base64.b64decode(octets.replace(b"\r\n", b""), validate=True)
        except binascii.Error as error:
            raise _broken() from error
    raise _broken()


# --- both ---------------------------------------------------------------------------------------


def _name(octets: bytes) -> str:
    """Names are ours and ASCII; any other is kept apart from all of them, never folded into one."""
    return octets.decode("ascii", "backslashreplace")


def _check_count(count: int) -> None:
    if count > MAX_FIELDS:
        raise FormFault(_("表单的项目太多，没有收下。请用网页上的表单提交。"))


def _broken() -> FormFault:
    return FormFault(_("提交的内容不完整，没有收下。请返回再提交一次。"))
