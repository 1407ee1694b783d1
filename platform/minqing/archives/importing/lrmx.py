"""Reading ``.lrmx``: UTF-8 XML, root ``Person``, one person a file. Text of a tag that is not taken is never kept.

No DOCTYPE, no entity, no nesting, at most 50 MB. A fault names file and line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser
from django.utils.translation import gettext as _

from minqing.archives.errors import ImportRefused
from minqing.archives.importing.fields import FIELDS, Treatment
from minqing.archives.importing.sheet import Sheet, Value
from minqing.archives.importing.table import Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT = 50 * 1024 * 1024
"""Largest file, in octets."""
KEPT_LIMIT = 200_000
"""Most characters of one taken field."""
UNKNOWN_LIMIT = 50
"""Most unknown tags of one file; more is not a 任免审批表."""
_BOM = b"\xef\xbb\xbf"
_DECLARATION = re.compile(
    rb"^<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([^\"']{1,40})[\"']", re.IGNORECASE
)


class _Refused(Exception):
    """Raised inside the parser; becomes ``ImportRefused`` with file and line."""


class _Door:
    """Parser target that keeps the taken tags' text and forgets everything else as it comes."""

    def __init__(self) -> None:
        self.parser: DefusedXMLParser | None = None
        self.path: list[str] = []
        self.values: dict[str, Value] = {}
        self.findings: list[Finding] = []
        self._seen: set[str] = set()
        self._pieces: list[str] = []
        self._length = 0
        self._line = 0
        self._filled = False

    @property
    def line(self) -> int:
        """Line of the file at which the parser stands."""
        return int(self.parser.parser.CurrentLineNumber) if self.parser is not None else 0

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        """Enter an element."""
        depth = len(self.path)
        if depth == 0 and tag != "Person":
            raise _Refused(_("这不是任免审批表：最外层应是 Person。"))
        if depth >= 2 and self._taken(self.path[1]):
            raise _Refused(_("“%(field)s”里夹有别的标记。") % {"field": FIELDS[self.path[1]].label})
        if depth >= 8:
            raise _Refused(_("标记套得太深。"))
        if depth == 1:
            if tag in self._seen:
                raise _Refused(
                    _("“%(field)s”出现了两次。")
                    % {"field": FIELDS[tag].label if tag in FIELDS else _name(tag)}
                )
            self._seen.add(tag)
            self._pieces, self._length, self._line, self._filled = [], 0, self.line, False
            if len(self._seen - FIELDS.keys()) > UNKNOWN_LIMIT:
                raise _Refused(_("不认识的标记太多，这不像是任免审批表。"))
        self.path.append(tag)

    def data(self, text: str) -> None:
        """Take text, or forget it."""
        if len(self.path) < 2:
            return
        self._filled = self._filled or not text.isspace()
        if self._taken(self.path[1]):
            self._length += len(text)
            if self._length > KEPT_LIMIT:
                raise _Refused(_("“%(field)s”太长。") % {"field": FIELDS[self.path[1]].label})
            self._pieces.append(text)

    def end(self, _tag: str) -> None:
        """Leave an element."""
        tag = self.path.pop()
        if len(self.path) != 1:
            return
        field = FIELDS.get(tag)
        if field is None:
            self._left_out(tag, _name(tag), _("不认识的项目，没有收"))
        elif field.treatment is Treatment.TAKE:
            self.values[tag] = Value(text="".join(self._pieces), line=self._line)
        elif self._filled:
            self._left_out(
                tag,
                field.label,
                "" if field.treatment is Treatment.SENSITIVE else _("公开档案用不着，没有收"),
            )

    def close(self) -> None:
        """End of the file."""

    def _taken(self, tag: str) -> bool:
        field = FIELDS.get(tag)
        return field is not None and field.treatment is Treatment.TAKE

    def _left_out(self, tag: str, label: str, detail: str) -> None:
        self.findings.append(
            Finding(
                field=_name(tag),
                label=label,
                outcome=Outcome.DROPPED,
                line=self._line,
                detail=detail,
            )
        )


def read(octets: bytes, *, file: str) -> Sheet:
    """Read one file.

    Raises:
        ImportRefused: too large, not UTF-8, not well-formed, DOCTYPE or entity, not a 任免审批表; the sentence names
            file and line.
    """
    if len(octets) > LIMIT:
        raise ImportRefused(_("%(file)s 超过 50 MB，没有读。") % {"file": file})
    octets = octets.removeprefix(_BOM)
    _check_encoding(octets, file)
    door = _Door()
    door.parser = parser = DefusedXMLParser(
        target=door, forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    try:
        parser.feed(octets)
        parser.close()
    except DefusedXmlException as fault:
        raise ImportRefused(
            _("%(file)s 第 %(line)d 行有 DOCTYPE 或 ENTITY 声明，可能是有害文件，没有读。")
            % {"file": file, "line": door.line}
        ) from fault
    except _Refused as fault:
        raise ImportRefused(
            _("%(file)s 第 %(line)d 行：%(why)s") % {"file": file, "line": door.line, "why": fault}
        ) from fault
    except (ParseError, ValueError) as fault:
        raise ImportRefused(
            _(
                "%(file)s 第 %(line)d 行不是合格的 XML，文件可能不完整。请用任免审批表编辑器打开后重新保存。"
            )
            % {"file": file, "line": max(door.line, 1)}
        ) from fault
    return Sheet(values=door.values, findings=tuple(door.findings))


def _check_encoding(octets: bytes, file: str) -> None:
    declared = _DECLARATION.match(octets[:400])
    if declared is not None and declared.group(1).lower() not in {b"utf-8", b"utf8"}:
        raise ImportRefused(
            _(
                "%(file)s 第 1 行：文件不是 UTF-8 编码。请用任免审批表编辑器 3.0 打开后另存为 .lrmx。"
            )
            % {"file": file}
        )
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = octets[: fault.start].count(b"\n") + 1
        raise ImportRefused(
            _(
                "%(file)s 第 %(line)d 行有不是 UTF-8 的字节。请用任免审批表编辑器 3.0 打开后另存为 .lrmx。"
            )
            % {"file": file, "line": line}
        ) from fault


def _name(tag: str) -> str:
    """A tag as it may be printed: cut, and only letters, digits and underscore."""
    return re.sub(r"\W", "_", tag)[:60]
