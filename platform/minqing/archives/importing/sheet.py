"""What a file says, once it is through the door: the same for ``.lrmx`` and ``.lrm``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minqing.archives.importing.table import Finding


@dataclass(frozen=True, kw_only=True)
class Value:
    """A taken field as it stands in the file."""

    text: str
    line: int  # of its start tag, from 1


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What passed the door of one file."""

    values: dict[str, Value]  # by tag, taken tags only
    findings: tuple[Finding, ...]  # of the tags that were not taken
