// A passkey that a script makes by itself, without a touch: what a hostile page can send.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const ATTESTED = 0x40;

const sha256 = (data) => createHash('sha256').update(data).digest();
const cborBytes = (bytes) => Buffer.concat([Buffer.from([0x59, bytes.length >> 8, bytes.length & 0xff]), bytes]);
const cborText = (text) => Buffer.concat([Buffer.from([0x60 + text.length]), Buffer.from(text)]);

export class SoftwarePasskey {
  constructor(rpId, origin) {
    this.rpId = rpId;
    this.origin = origin;
    this.id = randomBytes(32);
    ({ publicKey: this.publicKey, privateKey: this.privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  }

  // As navigator.credentials.create() would answer with attestation none (WebAuthn L3 §6.5).
  create({ challenge }) {
    const { x, y } = this.publicKey.export({ format: 'jwk' });
    const key = Buffer.concat([
      Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]), Buffer.from(x, 'base64url'),
      Buffer.from([0x22, 0x58, 0x20]), Buffer.from(y, 'base64url'),
    ]);
    const made = Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.id.length]), this.id, key]);
    const attestation = Buffer.concat([
      Buffer.from([0xa3]), cborText('fmt'), cborText('none'), cborText('attStmt'), Buffer.from([0xa0]),
      cborText('authData'), cborBytes(this.#authenticatorData(ATTESTED, made)),
    ]);
    return this.#written({
      clientDataJSON: this.#clientData('webauthn.create', challenge).toString('base64url'),
      attestationObject: attestation.toString('base64url'),
      transports: ['internal'],
    });
  }

  // As navigator.credentials.get() would, under any credential id and user handle.
  get({ challenge }, id = this.id, userHandle = null) {
    const [data, client] = [this.#authenticatorData(0), this.#clientData('webauthn.get', challenge)];
    const response = {
      clientDataJSON: client.toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: sign('sha256', Buffer.concat([data, sha256(client)]), this.privateKey).toString('base64url'),
      userHandle,
    };
    return this.#written(response, id);
  }

  #authenticatorData(more, rest = Buffer.alloc(0)) {
    const flags = USER_PRESENT | USER_VERIFIED | more;
    return Buffer.concat([sha256(this.rpId), Buffer.from([flags, 0, 0, 0, 0]), rest]);
  }

  #clientData(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false }));
  }

  #written(response, id = this.id) {
    const text = Buffer.from(id).toString('base64url');
    return {
      id: text, rawId: text, type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {}, response,
    };
  }
}
