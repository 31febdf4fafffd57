from typing import Any

from bmauth import Identity
from bmauth.django.backends import BMAuthBackend


class StaffBackend(BMAuthBackend):
    def update_user(self, user: Any, identity: Identity) -> None:
        super().update_user(user, identity)
        user.is_staff = identity.is_in(["staff"])
