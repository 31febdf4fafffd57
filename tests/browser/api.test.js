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
const LIMIT_MS = 600_000;
const LOG_SHOWN = 4_000;

let gateway;
let mailbox;
let codes;

before(async () => {
  mailbox = await openMailbox();
  gateway = await Gateway.at(await freePort());
  await gateway.configure({
    smtpPort: mailbox.port,
    appPort: await freePort(),
    // Each request of schemathesis comes from a network of its own.
    server: 'trusted_proxies = ["127.0.0.0/8"]',
  });
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

const suites = {
  'an independent WebAuthn client walks every flow, and every answer is as described': 'test_flows.py',
  'the description of the API is true': 'test_description.py',
};
for (const [claim, file] of Object.entries(suites)) {
  test(claim, { timeout: LIMIT_MS }, async () => {
    const plugins = ['cacheprovider', 'schemathesis', 'hypothesispytest'].flatMap((name) => ['-p', `no:${name}`]);
    const options = ['-q', '--rootdir', directory, '--basetemp', path.join(gateway.directory, 'pytest'), ...plugins];
    const python = path.join(directory, '.venv/bin/python');
    const pytest = new Child('pytest', python, ['-m', 'pytest', ...options, path.join(directory, file)], {
      // What it leaves lying about goes with the gateway.
      cwd: gateway.directory,
      env: {
        BMAUTH_ORIGIN: gateway.origin,
        BMAUTH_MAILBOX: `http://127.0.0.1:${codes.address().port}`,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    });
    const how = await pytest.ended;
    if (how !== 'ended with code 0') {
      throw new Error(`pytest ${how}:\n${pytest.log}\nthe gateway's log:\n${gateway.log.slice(-LOG_SHOWN)}`);
    }
  });
}
