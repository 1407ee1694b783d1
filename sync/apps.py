from django.apps import AppConfig


class SyncConfig(AppConfig):
    name = "sync"
    verbose_name = "Ledger and exchange"

    def ready(self) -> None:
        from sync import erasers, ledger, sweeps
        from sync.exchange import (
            erasing,
            heads_seen,
            incidents,
            keys,
            nonces,
            old_heads,
            received,
            region,
            relayed,
            repinning,
            returning,
            upkeep,
        )
        from sync.exchange.homes import handover, rereading
        from sync.formats import handovers
        from sync.kinds import RecordKind, register_kind
        from sync.ledger import adoption, erasure, receipts, samples, walls
        from sync.transports import fastpath
        from tenants.services import register_adopter, register_provisioner

        register_provisioner("ledger", walls.provision, order=10)
        register_provisioner("samples", samples.provision, order=15)
        register_provisioner("erasure", erasure.provision, order=20)
        register_adopter(returning.number_anew)  # first: nothing is told between the two
        register_adopter(adoption.adopt_unit)
        register_kind(RecordKind(name=ledger.PAD, slotted=True))
        register_kind(RecordKind(name=erasure.KIND, apply=erasing.apply_orders))
        register_kind(RecordKind(name=erasing.KIND, apply=erasing.apply_receipts))
        erasers.register_eraser("received", received.let_go)
        erasers.register_finder("received", received.here)
        register_kind(RecordKind(name=adoption.KIND))
        sweeps.register_sweep("seal", ledger.seal_due)
        register_kind(RecordKind(name=keys.KIND, apply=keys.apply))
        register_kind(RecordKind(name=region.KIND, apply=region.apply))
        register_kind(RecordKind(name=incidents.THAW))
        register_kind(RecordKind(name=repinning.KIND))
        register_kind(RecordKind(name=heads_seen.KIND, apply=heads_seen.apply))
        sweeps.register_sweep("restored", returning.sweep, every=15)
        sweeps.register_sweep("pulls", upkeep.pulls)
        sweeps.register_sweep("bells", upkeep.bells, every=5)
        sweeps.register_sweep("witnesses", upkeep.witnesses, every=5)
        sweeps.register_sweep("acceptances", upkeep.acceptances, every=10)
        sweeps.register_sweep("heads seen", heads_seen.heads_seen_log, every=60)
        sweeps.register_sweep("nonces", nonces.nonces_forget, every=60)
        sweeps.register_sweep("erasing", erasing.carry_out, every=5)
        register_kind(RecordKind(name=handovers.KIND, apply=handover.apply))
        sweeps.register_sweep("handover", handover.try_again, every=5)
        sweeps.register_sweep("handover-again", handover.try_steps, every=86400)
        sweeps.register_sweep("old heads", old_heads.forget, every=86400)
        sweeps.register_sweep("rereading", rereading.catch_up, every=5)
        sweeps.register_published("doorbell", fastpath.published)
        erasers.register_eraser("parcels", fastpath.let_go)
        receipts.register_prover(relayed.prove_followed)
        receipts.register_quorum(region.asks_for)
