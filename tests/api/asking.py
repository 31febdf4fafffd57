"""How schemathesis asks."""

import ipaddress
import itertools
import os

import schemathesis

FIRST = int(ipaddress.IPv4Address("198.18.0.0"))  # RFC 2544: for tests between networks
numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Each request comes from another network, so that the limit on one does not answer for the route."""
    address = ipaddress.IPv4Address(FIRST + next(numbers) % (1 << 17))
    case.headers = {**(case.headers or {}), "X-Forwarded-For": str(address)}


if access := os.environ.get("BMAUTH_ACCESS"):

    @schemathesis.auth()
    class SignedIn:
        """Every request that may carries the access token."""

        def get(self, case, context):
            return access

        def set(self, case, token, context):
            case.headers = {**(case.headers or {}), "Authorization": f"Bearer {token}"}
