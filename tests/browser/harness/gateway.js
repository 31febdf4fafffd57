// The real binary on a temporary directory and free ports.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.js';
import { freePort, send } from './loopback.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const binary = process.env.BMAUTH_BINARY ?? path.join(root, 'target/debug/bmauth');

export class Gateway {
  // Reserves ports and a directory; `run` starts it.
  static async at(port) {
    if (!existsSync(binary)) throw new Error(`${binary} is not there: run 'cargo build' first, or 'make test'.`);
    const directory = await mkdtemp(path.join(tmpdir(), 'bmauth-test-'));
    return new Gateway(directory, port, await freePort());
  }

  constructor(directory, port, adminPort) {
    this.directory = directory;
    this.port = port;
    this.origin = `http://localhost:${port}`;
    this.admin = `http://127.0.0.1:${adminPort}`;
  }

  get log() {
    return this.child?.log ?? '';
  }

  // `hosts` are names that the gateway has besides that of the pages, which `home` is; all are spoken to by TLS with
  // `certificate`, and lead to the app at `appPort`.
  async configureHosts({ home, hosts, certificate, smtpPort, appPort, routes = '' }) {
    this.origin = `https://${home}:${this.port}`;
    const to = (host) => `
[[route]]
host = "${host}"
upstream = ["http://127.0.0.1:${appPort}"]
`;
    await writeFile(path.join(this.directory, 'bmauth.toml'), `
public_url = "${this.origin}"

[app]
name = "Acme Notes"

[server]
listen = ["127.0.0.1:${this.port}"]
admin = "${new URL(this.admin).host}"
tls = { cert = "${certificate.cert}", key = "${certificate.key}" }

[passkeys]
rp_id = "${home.split('.').slice(1).join('.')}"

[storage]
path = "${path.join(this.directory, 'bmauth.redb')}"

[email]
from = "Acme Notes <no-reply@example.com>"
smtp_url = "smtp://127.0.0.1:${smtpPort}"

[identity]
plain_headers = true

[accounts]
registration = "open"
${hosts.map(to).join('')}${routes}
`);
  }

  // `accounts`, `app`, `server` and `api` are what stands in those tables of the configuration, `routes` what stands after the
  // routes that every test has, `root` is another host for the one of `/`. `storage` is where all is kept, where that is not a
  // file.
  async configure({ accounts = '', ...around }) {
    this.around = around;
    const { smtpPort, appPort, app = '', server = '', api = '', routes = '', root, storage } = around;
    this.accounts = accounts;
    const upstream = `upstream = ["http://127.0.0.1:${appPort}"]`;
    const deadPort = await freePort();
    await writeFile(path.join(this.directory, 'bmauth.toml'), `
public_url = "${this.origin}"

[app]
name = "Acme Notes"
${app}

[server]
listen = ["127.0.0.1:${this.port}"]
admin = "${new URL(this.admin).host}"
${server}

[storage]
${storage ?? `path = "${path.join(this.directory, 'bmauth.redb')}"`}

[email]
from = "Acme Notes <no-reply@example.com>"
smtp_url = "smtp://127.0.0.1:${smtpPort}"

[accounts]
${accounts.includes('registration = ') ? '' : 'registration = "open"'}
${accounts}

[api]
${api}

[[route]]
path = "/"
${root ? `host = "${root}"` : ''}
${upstream}

[[route]]
path = "/public"
access = "public"
${upstream}

[[route]]
path = "/optional"
access = "optional"
${upstream}

[[route]]
path = "/down"
upstream = ["http://127.0.0.1:${deadPort}"]
${routes}
`);
  }

  // As the example of a proxy in front has it: `text` is its bmauth.toml for this test's ports.
  async configureBehind(text, { smtpPort, origin }) {
    const sent = text.replace('transport = "log"', `smtp_url = "smtp://127.0.0.1:${smtpPort}"`);
    assert.notEqual(sent, text, 'the example prints its letters');
    await mkdir(path.join(this.directory, 'run'));
    await writeFile(path.join(this.directory, 'bmauth.toml'), sent);
    this.origin = origin;
  }

  async run() {
    this.child = new Child('bmauth', binary, ['serve', '-c', path.join(this.directory, 'bmauth.toml')], {
      cwd: this.directory,
      env: { RUST_BACKTRACE: '1', NO_COLOR: '1', ...(process.env.RUST_LOG ? { RUST_LOG: process.env.RUST_LOG } : {}) },
    });
    await this.child.until(async () => (await send(this.admin, '/readyz')).status === 200);
  }

  // Goes on, on the same store, with other rules for accounts.
  async runWith(accounts) {
    if (this.accounts === accounts) return;
    await this.child.stop();
    await this.configure({ ...this.around, accounts });
    await this.run();
  }

  // A command of an operator, like `bmauth users list`, beside the running gateway.
  command(...args) {
    const options = { cwd: this.directory, env: { NO_COLOR: '1' } };
    const config = ['-c', path.join(this.directory, 'bmauth.toml')];
    return new Promise((resolve) => {
      execFile(binary, [...args, ...config], options, (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, stdout, stderr });
      });
    });
  }

  // `kill -9`, and a new process on the same store.
  async crashAndRun() {
    await this.child.crash();
    await this.run();
  }

  // The most memory the process ever had, in bytes; `reset` begins the count anew.
  async peakMemory({ reset = false } = {}) {
    if (reset) await writeFile(`/proc/${this.child.pid}/clear_refs`, '5');
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
  }

  async stop() {
    await this.child?.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}
