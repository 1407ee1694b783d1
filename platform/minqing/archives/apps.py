from django.apps import AppConfig


class ArchivesConfig(AppConfig):
    name = "minqing.archives"
    label = "archives"
    verbose_name = "Archives"

    def ready(self) -> None:
        from minqing.archives import bodies, custody, documents, erasing, projection
        from minqing.archives.services import entries_expire
        from search.registry import register_source
        from sync.erasers import register_eraser
        from sync.exchange.homes.custody import register_charge
        from sync.kinds import RecordKind, register_kind
        from sync.sweeps import register_sweep

        register_kind(RecordKind(name=bodies.OFFICIAL_KIND, apply=projection.apply_officials))
        register_kind(RecordKind(name=bodies.ENTRY_KIND, apply=projection.apply_entries))
        register_kind(RecordKind(name=bodies.REPLY_KIND, apply=projection.apply_replies))
        register_kind(RecordKind(name=bodies.REVIEW_KIND))
        register_charge(custody.Officials())
        register_eraser("archives", erasing.let_go)
        register_sweep("archives.expire", entries_expire, every=30)
        register_source(documents.PublicOfficials())
        register_source(documents.PublicEntries())
        register_source(documents.InternalEntries())
