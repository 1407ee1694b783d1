from django.apps import AppConfig


class ChannelConfig(AppConfig):
    name = "minqing.channel"
    label = "channel"
