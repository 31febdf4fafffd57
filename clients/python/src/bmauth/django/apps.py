from django.apps import AppConfig


class BMAuthConfig(AppConfig):
    name = "bmauth.django"
    label = "bmauth"
    verbose_name = "BMAuth"
