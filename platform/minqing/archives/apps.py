from django.apps import AppConfig


class ArchivesConfig(AppConfig):
    name = "minqing.archives"
    label = "archives"
    verbose_name = "Archives"

    def ready(self) -> None:
        from minqing.archives import bodies, documents, projection
        from search.registry import register_source
        from sync.kinds import RecordKind, register_kind

        register_kind(RecordKind(name=bodies.OFFICIAL_KIND, apply=projection.apply_officials))
        register_kind(RecordKind(name=bodies.ENTRY_KIND, apply=projection.apply_entries))
        register_kind(RecordKind(name=bodies.REPLY_KIND, apply=projection.apply_replies))
        register_kind(RecordKind(name=bodies.REVIEW_KIND))
        register_source(documents.PublicOfficials())
        register_source(documents.PublicEntries())
        register_source(documents.InternalEntries())
