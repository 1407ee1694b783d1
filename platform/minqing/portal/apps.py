from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "minqing.portal"
    label = "portal"
