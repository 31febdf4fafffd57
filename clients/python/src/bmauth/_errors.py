"""What can be wrong: with the settings, before an app starts, or with a request, which is then refused."""

from collections.abc import Iterable


class ConfigurationError(RuntimeError):
    """The app was not told whom to trust, or not so that it can be understood. It must not start."""

    __module__ = "bmauth"


class Refusal(Exception):
    """A request that is refused. `sentence` is for the visitor; the reason is in the log."""

    status = 401
    sentence = "The identity header is not valid"

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or self.sentence)


class InvalidToken(Refusal):
    """The identity header is there and does not hold."""


class NotSignedIn(Refusal):
    """There is no identity, where one is needed."""

    sentence = "Sign in first"


class NotAllowed(Refusal):
    """The person is in none of the groups that may do this."""

    status = 403

    def __init__(self, groups: Iterable[str]) -> None:
        self.sentence = f"Only members of {' or '.join(groups)} may do this"
        super().__init__()


class SwitchedOff(Refusal):
    """The app itself has switched this account off."""

    status = 403
    sentence = "This account is switched off in this app"


class KeysUnavailable(Refusal):
    """The gateway's keys are not known, so that no token can be judged."""

    status = 503
    sentence = "The gateway's keys cannot be fetched"
