"""Tables of the channel. Ids are random (UUIDv4) and no column is finer than a day.

What the rows do not tell, PostgreSQL still may: the order of rows on a page (``ctid``) and of transactions
(``xmin``). ``upkeep.order_forget`` rewrites the tables in the order of their random ids, so that a dump shows
no order of arrival; whoever has root between two rewrites can still see it (docs/threat-model.md).
"""

from minqing.channel.models.case import (
    Attachment,
    Case,
    Deadline,
    Kind,
    Mask,
    Message,
    Purpose,
    Rating,
    Referral,
    Sender,
    Step,
    Verdict,
    Way,
)
from minqing.channel.models.forms import FormUse
from minqing.channel.models.places import Place
from minqing.channel.models.sealed import (
    Acceptance,
    Custodian,
    Designation,
    Forgetting,
    SealedBox,
    SealedPart,
    SealedReport,
)
from minqing.channel.models.tally import Tally, Upkeep

__all__ = [
    "Acceptance", "Attachment", "Case", "Custodian", "Deadline", "Designation",
    "Forgetting", "FormUse", "Kind", "Mask", "Message", "Place", "Purpose", "Rating",
    "Referral", "SealedBox", "SealedPart", "SealedReport", "Sender", "Step", "Tally", "Upkeep", "Verdict", "Way",
]  # fmt: skip
