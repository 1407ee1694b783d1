from django.apps import AppConfig


class ArchivesConfig(AppConfig):
    name = "minqing.archives"
    label = "archives"
