from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "minqing.config"
    label = "config"
    verbose_name = "Minqing"
