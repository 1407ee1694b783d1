"""Every write of the archives. Keyword-only; ``by`` is the acting ``Staff``; things are named by their public id.

One service is one transaction: permission, lock, check, move, ledger record, projection, search mark.
"""

from minqing.archives.services.entries import (
    entry_correct,
    entry_draft,
    entry_edit,
    entry_publish,
    entry_return,
    entry_submit,
    entry_withdraw,
)
from minqing.archives.services.erasures import (
    commitments_typed,
    entry_records,
    erasure_confirm,
    erasure_drop,
    erasure_enter,
    erasures_entered,
    official_records,
    register_guard,
)
from minqing.archives.services.expiry import entries_expire
from minqing.archives.services.handovers import (
    notice_give,
    notice_object,
    offer_accept,
    offer_cancel,
    official_offer,
    order_confirm,
    order_enter,
)
from minqing.archives.services.officials import (
    official_create,
    official_edit,
    official_publish,
    official_withdraw,
    post_add,
    post_edit,
    post_remove,
)
from minqing.archives.services.plans import plan_end, plan_enter
from minqing.archives.services.replies import reply_attach, reply_publish

__all__ = [
    "commitments_typed",
    "entries_expire",
    "entry_correct",
    "entry_draft",
    "entry_edit",
    "entry_publish",
    "entry_records",
    "entry_return",
    "entry_submit",
    "entry_withdraw",
    "erasure_confirm",
    "erasure_drop",
    "erasure_enter",
    "erasures_entered",
    "notice_give",
    "notice_object",
    "offer_accept",
    "offer_cancel",
    "official_create",
    "official_edit",
    "official_offer",
    "official_publish",
    "official_records",
    "official_withdraw",
    "order_confirm",
    "order_enter",
    "plan_end",
    "plan_enter",
    "post_add",
    "post_edit",
    "post_remove",
    "register_guard",
    "reply_attach",
    "reply_publish",
]
