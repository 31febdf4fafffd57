from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class Account(models.Model):
    """Which Django user an account of the gateway is. By its id, which never changes, and never by an address."""

    sub: models.CharField[str, str] = models.CharField("account", max_length=255, primary_key=True)
    user: models.OneToOneField[Any, Any] = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="bmauth_account"
    )

    def __str__(self) -> str:
        return self.sub
