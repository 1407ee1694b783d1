"""Tables of the archives, split by noun."""

from minqing.archives.models.entries import Entry, EntryVersion, Reply
from minqing.archives.models.erasures import ErasureEntry
from minqing.archives.models.handovers import OrderEntry
from minqing.archives.models.officials import Official, Post
from minqing.archives.models.plans import PublicationPlan
from minqing.archives.models.public import PublicEntryRow, PublicOfficialRow, PublicReplyRow

__all__ = [
    "Entry",
    "EntryVersion",
    "ErasureEntry",
    "Official",
    "OrderEntry",
    "Post",
    "PublicEntryRow",
    "PublicOfficialRow",
    "PublicReplyRow",
    "PublicationPlan",
    "Reply",
]
