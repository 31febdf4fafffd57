"""A gRPC server behind the gateway, as docs/apps/grpc.md has it."""

import contextlib

import grpc
import pytest
from harness.process import LIMIT

PAGE = "grpc"


@contextlib.contextmanager
def calling(site, metadata=()):
    trusted = grpc.ssl_channel_credentials((site.app.folder / "cert.pem").read_bytes())
    named = [("grpc.ssl_target_name_override", site.app.host)]
    with grpc.secure_channel(f"127.0.0.1:{site.app.gateway_port}", trusted, named) as channel:
        greet = channel.unary_unary("/notes.Notes/Greet")
        yield lambda: greet(b"", timeout=LIMIT, metadata=metadata)


def test_unknown_clients_are_refused(site):
    for metadata in ((), (("x-bmauth-jwt", "e30.e30.e30"),), (("authorization", "Bearer e30.e30.e30"),)):
        with calling(site, metadata) as greet, pytest.raises(grpc.RpcError) as refused:
            greet()
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_the_server_knows_whose_access_token_it_is(site):
    with calling(site, [("authorization", f"Bearer {site.maria.access_token()}")]) as greet:
        assert greet() == b"Hello, maria@example.com"
