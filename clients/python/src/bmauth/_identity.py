"""Who is signed in, as a verified token says."""

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ._errors import InvalidToken, NotAllowed

log = logging.getLogger("bmauth")


@dataclass(frozen=True, repr=False)
class Identity:
    """Who is signed in. The gateway's signature, issuer, audience and times were checked."""

    id: str
    """The account's id (`sub`), a UUID that never changes: the one to keep in a database. `svc:…` is a service."""
    email: str | None = None
    """The proved address, which can change. A service has none."""
    name: str | None = None
    groups: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    """How they signed in (`amr`): `hwk` or `swk` and `user` for a passkey, `otp` for a mailed code, `svc` for a token."""
    auth_time: datetime | None = None
    """When they signed in, in UTC."""
    session: str | None = None
    """The session's public id (`sid`)."""
    claims: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """All claims of the token."""

    @property
    def sub(self) -> str:
        """The account's id, by the name it has in the token."""
        return self.id

    @property
    def is_service(self) -> bool:
        """Whether this is a program with a token of its own, and not a person."""
        return self.id.startswith("svc:")

    def is_in(self, groups: Iterable[str]) -> bool:
        """Whether they are in any of these groups."""
        return not set(self.groups).isdisjoint(groups)

    def __repr__(self) -> str:
        """Without the address, so that it does not get into logs by the way."""
        return f"Identity({self.id!r})"


def read_identity(claims: Mapping[str, Any]) -> Identity:
    """The identity that the claims of a token name. Raises InvalidToken where one is not what it should be."""
    if claims.get("email_verified", True) is not True:
        raise InvalidToken("its address is not a proved one (email_verified)")
    sub = _text(claims, "sub")
    if not sub:
        raise InvalidToken('its "sub" claim is empty')
    return Identity(
        id=sub,
        email=_text(claims, "email") or None,
        name=_text(claims, "name") or None,
        groups=_names(claims, "groups"),
        methods=_names(claims, "amr"),
        auth_time=_time(claims, "auth_time"),
        session=_text(claims, "sid") or None,
        claims=claims,
    )


def any_of(groups: str | Iterable[str]) -> tuple[str, ...]:
    """Groups as a route names them: membership in one is enough. To name none is a mistake, and refused."""
    names = (groups,) if isinstance(groups, str) else tuple(groups)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"require(groups=…) has to name one group or more, and names {groups!r}")
    return names


def demand_groups(identity: Identity, groups: tuple[str, ...]) -> Identity:
    """The same identity, where it is in one of the groups. Raises NotAllowed."""
    if not identity.is_in(groups):
        log.warning("The account %s is in none of the groups %s", identity.id, ", ".join(groups))
        raise NotAllowed(groups)
    return identity


def number(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519 §2), in seconds."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e11 or not math.isfinite(value):
        raise InvalidToken(f'its "{name}" claim is not a time')
    return float(value)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise InvalidToken(f'its "{name}" claim is not a text')
    return value


def _names(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidToken(f'its "{name}" claim is not a list of names')
    return tuple(value)


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromtimestamp(number(claims, name), timezone.utc) if name in claims else None
