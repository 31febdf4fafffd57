"""Who is signed in, for apps behind BMAuth.

The gateway puts `X-BMAuth-JWT` on every request it lets through. This package verifies it with the gateway's public keys,
in the terms of a framework: `bmauth.fastapi`, `bmauth.starlette`, `bmauth.django`, `bmauth.flask`; `bmauth.testing` signs
made-up people in, for an app's own tests. For anything else there is `Verifier`, which knows no framework.

BMAUTH_URL says whom to trust: the gateway's public_url. BMAUTH_AUDIENCE is the host of the app's route, where that is
another one; BMAUTH_JWKS_URL is where the keys are, if the app does not reach the gateway by BMAUTH_URL."""

from ._errors import ConfigurationError, InvalidToken, KeysUnavailable, NotAllowed, NotSignedIn, Refusal
from ._identity import Identity
from ._keys import Keys
from ._settings import Settings
from ._verify import Verifier

__all__ = [
    "ConfigurationError",
    "Identity",
    "InvalidToken",
    "Keys",
    "KeysUnavailable",
    "NotAllowed",
    "NotSignedIn",
    "Refusal",
    "Settings",
    "Verifier",
]
__version__ = "0.2.0"
