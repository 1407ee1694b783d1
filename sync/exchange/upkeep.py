"""What the sweep does for the exchange: it makes each lost task, bell and answer harmless."""

from __future__ import annotations

from django.utils import timezone

from sync.exchange import doorbell, witness
from sync.exchange.contacts import contacts_due, somebody_due
from sync.exchange.heads_seen import heads_seen_log
from sync.exchange.nonces import nonces_forget
from sync.exchange.peers import untold_peers
from sync.models.exchange import Contact


def sweep() -> None:
    """Do every chore of the exchange now."""
    pulls()
    bells()
    acceptances()
    witnesses()
    heads_seen_log()
    nonces_forget()


def pulls() -> None:
    """Queue every pull that is due."""
    for contact in contacts_due("pull") if somebody_due("pull") else ():
        claimed = Contact.objects.filter(pk=contact.pk, due_at=contact.due_at).update(
            due_at=timezone.now() + doorbell.CLAIMED
        )
        if claimed:
            doorbell.pull_queue(contact.peer)


def bells() -> None:
    """Ring again where the last bell was not heard, when the pause after it is over."""
    if (
        somebody_due("ring", after_failures=True)
        and contacts_due("ring").filter(failures__gt=0).exists()
    ):
        doorbell.again_queue()


def acceptances() -> None:
    """Tell acceptances that could not be told."""
    if untold_peers():
        doorbell.acceptances_queue()


def witnesses() -> None:
    """Ask witnesses about the newest head, where one is due to be asked."""
    if witness.unwitnessed():
        doorbell.witnesses_queue()
