from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "minqing.config"
    label = "config"
    verbose_name = "Minqing"

    def ready(self) -> None:
        """Make our Celery application the one that every process publishes through."""
        from minqing.config import celery

        celery.app.set_default()
