// A certificate of this test's own for the names of its hosts.
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

// Leaves `cert.pem` and `key.pem` in `directory`. `pin` is how Chromium is told to take that one certificate, and no
// other that no authority has signed.
export async function makeCertificate(directory, names) {
  const [cert, key] = ['cert.pem', 'key.pem'].map((file) => path.join(directory, file));
  await promisify(execFile)('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=a test', '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join()}`,
    '-keyout', key, '-out', cert,
  ]);
  const pem = await readFile(cert);
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return { cert, key, pem, pin: createHash('sha256').update(spki).digest('base64') };
}
