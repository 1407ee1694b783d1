from django.apps import AppConfig


class WorkdaysConfig(AppConfig):
    name = "minqing.workdays"
    label = "workdays"
    verbose_name = "Working days"

    def ready(self) -> None:
        from minqing.workdays.services import calendar_load
        from tenants.services import register_provisioner

        register_provisioner("workdays", calendar_load, order=30)
