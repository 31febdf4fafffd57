"""A security key in software (CTAP 2.0, ES256), and Yubico's WebAuthn client that uses it: nothing of it knows the gateway."""

import hashlib
import os
from collections.abc import Iterator

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.client import DefaultClientDataCollector, Fido2Client, UserInteraction
from fido2.cose import ES256
from fido2.ctap import CtapDevice, CtapError
from fido2.ctap2 import Ctap2
from fido2.hid import CAPABILITY, CTAPHID
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticatorData,
    PublicKeyCredentialCreationOptions,
    PublicKeyCredentialRequestOptions,
)

FLAG = AuthenticatorData.FLAG
PRESENT_AND_VERIFIED = FLAG.UP | FLAG.UV


class Refused(Exception):
    """What the device says instead of an answer."""

    def __init__(self, code: CtapError.ERR):
        self.code = code


class SecurityKey(CtapDevice):
    """Keeps discoverable credentials; its holder is its verified user."""

    def __init__(self) -> None:
        self.credentials: dict[bytes, tuple[str, bytes, ec.EllipticCurvePrivateKey]] = {}
        self.counter = 0

    # What a page does with it.

    def create(self, options: dict, origin: str) -> dict:
        """`navigator.credentials.create()`, and the credential as JSON."""
        asked = PublicKeyCredentialCreationOptions.from_dict(options)
        return dict(self._client(origin).make_credential(asked))

    def get(self, options: dict, origin: str) -> dict:
        """`navigator.credentials.get()`, and the credential as JSON."""
        asked = PublicKeyCredentialRequestOptions.from_dict(options)
        return dict(self._client(origin).get_assertion(asked).get_response(0))

    def _client(self, origin: str) -> Fido2Client:
        return Fido2Client(self, DefaultClientDataCollector(origin), user_interaction=Holder())

    # What the client does with it.

    @property
    def capabilities(self) -> int:
        return CAPABILITY.CBOR

    @classmethod
    def list_devices(cls) -> Iterator[CtapDevice]:
        return iter(())

    def call(self, cmd: int, data: bytes = b"", event=None, on_keepalive=None) -> bytes:
        if cmd != CTAPHID.CBOR:
            raise CtapError(CtapError.ERR.INVALID_COMMAND)
        commands = {
            Ctap2.CMD.GET_INFO: self._info,
            Ctap2.CMD.MAKE_CREDENTIAL: self._make_credential,
            Ctap2.CMD.GET_ASSERTION: self._get_assertion,
        }
        try:
            answer = commands[Ctap2.CMD(data[0])](cbor.decode(data[1:]) if data[1:] else {})
        except Refused as refused:
            return bytes([refused.code])
        return b"\0" + cbor.encode(answer)

    def _info(self, _asked: dict) -> dict:
        return {1: ["FIDO_2_0"], 3: bytes(16), 4: {"rk": True, "up": True, "uv": True, "clientPin": False}, 6: [1]}

    def _make_credential(self, asked: dict) -> dict:
        rp_id, user, algorithms, excluded = asked[2]["id"], asked[3]["id"], asked[4], asked.get(5, [])
        if any(descriptor["id"] in self.credentials for descriptor in excluded):
            raise Refused(CtapError.ERR.CREDENTIAL_EXCLUDED)
        if ES256.ALGORITHM not in [algorithm["alg"] for algorithm in algorithms]:
            raise Refused(CtapError.ERR.UNSUPPORTED_ALGORITHM)
        credential, private = os.urandom(32), ec.generate_private_key(ec.SECP256R1())
        self.credentials[credential] = (rp_id, user, private)
        public = AttestedCredentialData.create(bytes(16), credential, ES256.from_cryptography_key(private.public_key()))
        return {1: "none", 2: self._said(rp_id, FLAG.AT | PRESENT_AND_VERIFIED, public), 3: {}}

    def _get_assertion(self, asked: dict) -> dict:
        rp_id, client_data_hash, allowed = asked[1], asked[2], asked.get(3)
        ids = [descriptor["id"] for descriptor in allowed] if allowed else list(self.credentials)
        mine = [id for id in ids if id in self.credentials and self.credentials[id][0] == rp_id]
        if not mine:
            raise Refused(CtapError.ERR.NO_CREDENTIALS)
        present = asked.get(5, {}).get("up", True)
        _, user, private = self.credentials[mine[0]]
        said = self._said(rp_id, PRESENT_AND_VERIFIED if present else FLAG(0))
        signature = private.sign(said + client_data_hash, ec.ECDSA(hashes.SHA256()))
        return {1: {"type": "public-key", "id": mine[0]}, 2: said, 3: signature, 4: {"id": user}}

    def _said(self, rp_id: str, flags: FLAG, public: bytes = b"") -> bytes:
        self.counter += 1
        return bytes(AuthenticatorData.create(hashlib.sha256(rp_id.encode()).digest(), flags, self.counter, public))


class Holder(UserInteraction):
    """Touches it, and shows a finger that it knows."""

    def prompt_up(self) -> None:
        pass

    def request_uv(self, permissions, rp_id) -> bool:
        return True
