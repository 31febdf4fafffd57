// The JSON API from outside, by clients that know nothing of the gateway: tests/api, run by pytest against the real
// binary. schemathesis asks everything that openapi.json describes; a security key of Yubico's library walks the flows.
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child } from './harness/child.js';
import { Gateway } from './harness/gateway.js';
import { freePort } from './harness/loopback.js';
import { openMailbox } from './harness/mailbox.js';

const directory = fileURLToPath(new URL('../api/', import.meta.url));
const LIMIT_MS = 1_200_000;
const LOG_SHOWN = 4_000;

let around;
let gateway;
let mailbox;
let codes;

before(async () => {
  mailbox = await openMailbox();
  gateway = await Gateway.at(await freePort());
  around = {
    smtpPort: mailbox.port,
    appPort: await freePort(),
    // Each request of schemathesis comes from a network of its own.
    server: 'trusted_proxies = ["127.0.0.0/8"]',
  };
  await gateway.configure(around);
  await gateway.run();
  codes = http.createServer((request, response) => {
    mailbox.code(decodeURIComponent(request.url.slice(1))).then(
      (code) => response.end(code),
      (error) => response.writeHead(404).end(error.message),
    );
  });
  await new Promise((resolve) => codes.listen(0, '127.0.0.1', resolve));
});

after(async () => {
  codes?.closeAllConnections();
  codes?.close();
  await gateway?.stop();
  await mailbox?.close();
});

test('an independent WebAuthn client walks every flow, and every answer is as described', { timeout: LIMIT_MS }, () =>
  pytest('test_flows.py'));

test('the description of the API is true', { timeout: LIMIT_MS }, () => pytest('test_description.py'));

test('the answers are as described where the operator has it otherwise', { timeout: LIMIT_MS }, async () => {
  await gateway.child.stop();
  await gateway.configure({
    ...around,
    accounts: 'recovery = "delayed"\nallowed_domains = ["example.com"]',
    api: 'reveal_accounts = true',
  });
  await gateway.run();
  await pytest('test_otherwise.py');
});

async function pytest(file) {
  const plugins = ['cacheprovider', 'schemathesis', 'hypothesispytest'].flatMap((name) => ['-p', `no:${name}`]);
  const options = ['-q', '--rootdir', directory, '--basetemp', path.join(gateway.directory, 'pytest'), ...plugins];
  const python = path.join(directory, '.venv/bin/python');
  const child = new Child('pytest', python, ['-m', 'pytest', ...options, path.join(directory, file)], {
    // What it leaves lying about goes with the gateway.
    cwd: gateway.directory,
    env: {
      BMAUTH_ORIGIN: gateway.origin,
      BMAUTH_MAILBOX: `http://127.0.0.1:${codes.address().port}`,
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  const how = await child.ended;
  if (how !== 'ended with code 0') {
    throw new Error(`pytest ${how}:\n${child.log}\nthe gateway's log:\n${gateway.log.slice(-LOG_SHOWN)}`);
  }
}
