from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "minqing.config"
    label = "config"
    verbose_name = "Minqing"

    def ready(self) -> None:
        # Every process queues tasks through the configured application, not Celery's default one.
        from minqing.config import celery

        celery.app.set_default()
