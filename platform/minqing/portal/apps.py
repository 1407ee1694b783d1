from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "minqing.portal"
    label = "portal"

    def ready(self) -> None:
        from minqing.portal.erasing import let_go
        from sync.erasers import register_eraser

        register_eraser("pages", let_go)
