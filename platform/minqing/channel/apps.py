from django.apps import AppConfig


class ChannelConfig(AppConfig):
    name = "minqing.channel"
    label = "channel"
    verbose_name = "People's channel"

    def ready(self) -> None:
        from minqing.archives.services import register_guard
        from minqing.channel import erasing, upkeep
        from minqing.channel.exchange import kinds_register
        from minqing.channel.services.places import places_provision
        from sync.erasers import register_eraser
        from sync.sweeps import register_sweep
        from tenants.services import register_provisioner

        kinds_register()
        register_eraser("channel", erasing.let_go)
        register_guard("channel.", erasing.may_be_ordered)
        register_provisioner("channel", places_provision, order=50)
        register_sweep("channel", upkeep.daily, every=30)
