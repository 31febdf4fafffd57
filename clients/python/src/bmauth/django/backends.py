"""Turns a verified identity into a Django user."""

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from .._identity import Identity
from .models import Account

User = Any
"""Of the model that AUTH_USER_MODEL names."""


class BMAuthBackend(ModelBackend):
    """Users are found by the account's id. One that is there already, of the same name or address, is never taken over.

    Override `update_user` for what else follows from an identity, such as `user.is_staff = identity.is_in(["staff"])`."""

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, bmauth_identity: Identity | None = None
    ) -> User | None:
        """The user of an identity that `BMAuthMiddleware` has verified. No password is ever taken here."""
        if not isinstance(bmauth_identity, Identity):
            return None
        user = self._user(bmauth_identity)
        if not self.user_can_authenticate(user):
            return None
        self.refresh(user, bmauth_identity)
        return user

    async def aauthenticate(  # type: ignore[override]
        self, request: HttpRequest | None, bmauth_identity: Identity | None = None
    ) -> User | None:
        """The same, beside an event loop."""
        return await sync_to_async(self.authenticate)(request, bmauth_identity)

    def is_linked(self, user: User, identity: Identity) -> bool:
        """Whether the account is still this user's: the row that says so may have been changed meanwhile."""
        return Account.objects.filter(sub=identity.id, user=user).exists()

    def refresh(self, user: User, identity: Identity) -> None:
        """Has the user's row say what the identity says, and writes it only where that is new."""
        before = _columns(user)
        self.update_user(user, identity)
        changed = [name for name, value in _columns(user).items() if before[name] != value]
        if changed:
            user.save(update_fields=changed)

    def update_user(self, user: User, identity: Identity) -> None:
        """Sets what follows from the identity; it is saved afterwards. Called with every request, so that a group that
        was taken away counts at once."""
        name_field = user.USERNAME_FIELD
        wanted = self._username(identity)
        if getattr(user, name_field) != wanted and not _is_taken(wanted, user):
            setattr(user, name_field, wanted)
        email_field = user.get_email_field_name()
        if email_field != name_field and _has(user, email_field):
            setattr(user, email_field, identity.email or "")

    def _username(self, identity: Identity) -> str:
        """The address, so that people are told apart by it in lists; the id where that does not fit."""
        model: User = get_user_model()
        longest = model._meta.get_field(model.USERNAME_FIELD).max_length or 150
        return identity.email if identity.email and len(identity.email) <= longest else identity.id

    def _user(self, identity: Identity) -> User:
        found = _account(identity)
        if found is not None:
            return found
        made = self._made(identity)
        try:
            # Nothing is read in here: SQLite refuses who has read and then writes beside another.
            with transaction.atomic():
                made.save()
                Account.objects.create(sub=identity.id, user=made)
            return made
        except IntegrityError:
            # Another request of theirs was first, or took the name.
            found = _account(identity)
            if found is not None:
                return found
            raise

    def _made(self, identity: Identity) -> User:
        """A user who is not saved yet."""
        model: User = get_user_model()
        wanted = self._username(identity)
        user = model(**{model.USERNAME_FIELD: identity.id if _is_taken(wanted) else wanted})
        user.set_unusable_password()
        self.update_user(user, identity)
        return user


def _account(identity: Identity) -> User | None:
    account = Account.objects.select_related("user").filter(sub=identity.id).first()
    return None if account is None else account.user


def _is_taken(name: str, user: User | None = None) -> bool:
    """Whether another user has that name, ignoring case."""
    model: User = get_user_model()
    others = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__iexact": name})
    return bool((others if user is None else others.exclude(pk=user.pk)).exists())


def _has(user: User, field: str) -> bool:
    return any(one.name == field for one in user._meta.concrete_fields)


def _columns(user: User) -> dict[str, Any]:
    return {field.name: getattr(user, field.attname) for field in user._meta.concrete_fields if not field.primary_key}
