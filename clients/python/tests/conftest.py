"""The apps of these tests trust a gateway whose keys are served on loopback."""

import os
import time
from collections.abc import Iterator

import pytest
from gateway import URL, Gateway, Served

gateway = Gateway(now=time.time)
served = Served(lambda path: (200, {"Content-Type": "application/json"}, gateway.jwks()))
os.environ["BMAUTH_URL"] = URL
os.environ["BMAUTH_JWKS_URL"] = served.url()
os.environ.pop("BMAUTH_AUDIENCE", None)


@pytest.fixture
def live() -> Gateway:
    """The gateway that the apps of the environment trust, by the clock of the wall."""
    return gateway


@pytest.fixture(scope="session", autouse=True)
def closed() -> Iterator[None]:
    yield
    served.close()
