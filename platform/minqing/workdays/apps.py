from django.apps import AppConfig


class WorkdaysConfig(AppConfig):
    name = "minqing.workdays"
    label = "workdays"
