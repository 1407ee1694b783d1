"""What can go wrong in the archives; each message is the sentence shown to the person."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _


class ArchiveError(Exception):
    """Base of every fault of this app. ``status`` is the HTTP status a page answers with."""

    status = 400


class NotInArchive(ArchiveError):
    """Nothing here under this id, or nothing that may be shown: the two are never told apart."""

    status = 404

    def __init__(self) -> None:
        super().__init__(_("没有找到这份档案，可能没有公开，或者已经撤下。"))


class BadValue(ArchiveError):
    """A value does not fit; the sentence names the field."""


class MoveRefused(ArchiveError):
    """The entry is not in a state from which this can be done; someone else may have been quicker."""

    status = 409


class SamePerson(ArchiveError):
    """Author and reviewer are one person."""

    status = 403

    def __init__(self) -> None:
        super().__init__(_("自己登记的内容要由另一位同志审核，不能自己审核自己。"))


class PlanMissing(ArchiveError):
    """The unit's publication plan (公开方案) has no document for this item: nothing is published."""

    status = 409

    def __init__(self, item: str) -> None:
        super().__init__(
            _(
                "还不能公开：本单位没有登记“%(item)s”的公开方案文号。请先由督办人员登记文件，再审核公开。"
            )
            % {"item": item}
        )


class NotForPersons(ArchiveError):
    """The matrix does not let this stand under a person on the web."""

    status = 409


class ImportRefused(ArchiveError):
    """A file cannot be taken; the sentence names the file and the line or field."""
