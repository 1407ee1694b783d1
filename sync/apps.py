from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "sync"
    verbose_name = "Ledger and exchange"

    def ready(self) -> None:
        from sync import erasers, ledger, sweeps
        from sync.exchange import (
            doorbell,
            erasing,
            handover,
            heads_seen,
            incidents,
            keys,
            received,
            region,
            relayed,
            returning,
            upkeep,
        )
        from sync.formats import handovers
        from sync.kinds import RecordKind, register_kind
        from sync.ledger import adoption, erasure, receipts, walls
        from tenants.services import register_adopter, register_provisioner

        register_provisioner("ledger", walls.provision, order=10)
        register_provisioner("erasure", erasure.provision, order=20)
        register_adopter(adoption.adopt_unit)
        register_kind(RecordKind(name=ledger.PAD, slotted=True))
        register_kind(RecordKind(name=erasure.KIND, apply=erasing.apply_orders))
        register_kind(RecordKind(name=erasing.KIND, apply=erasing.apply_receipts))
        erasers.register_eraser("received", received.let_go)
        register_kind(RecordKind(name=adoption.KIND))
        sweeps.register_sweep("seal", ledger.seal_due)
        register_kind(RecordKind(name=keys.KIND, apply=keys.apply))
        register_kind(RecordKind(name=region.KIND, apply=region.apply))
        register_kind(RecordKind(name=incidents.THAW))
        register_kind(RecordKind(name=heads_seen.KIND, apply=heads_seen.apply))
        sweeps.register_sweep("restored", returning.sweep)
        sweeps.register_sweep("exchange", upkeep.sweep)
        sweeps.register_sweep("erasing", erasing.carry_out)
        register_kind(RecordKind(name=handovers.KIND, apply=handover.apply))
        sweeps.register_sweep("handover", handover.try_again)
        sweeps.register_published("doorbell", doorbell.published)
        receipts.register_prover(relayed.prove_followed)
