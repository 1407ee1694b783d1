from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "minqing.accounts"
    label = "accounts"
    verbose_name = "Staff"

    def ready(self) -> None:
        from minqing.accounts import audit
        from sync.kinds import RecordKind, register_kind

        register_kind(RecordKind(name=audit.KIND, slotted=True))
        register_kind(RecordKind(name=audit.STAFF_KIND))
        register_kind(RecordKind(name=audit.ACT_KIND))
