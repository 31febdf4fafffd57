// Everything one test file needs: browser, mail server, app and the real gateway in front of it, all of its own.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { runApp } from './app.js';
import { openBalance } from './balance.js';
import { makeCertificate } from './certificate.js';
import { Front } from './front.js';
import { Gateway } from './gateway.js';
import { freePort, trust } from './loopback.js';
import { openMailbox } from './mailbox.js';
import { PostgreSQL } from './postgresql.js';
import { openRelay } from './relay.js';
import { Visitor } from './visitor.js';

export const screenshots = fileURLToPath(new URL('../screenshots/', import.meta.url));
const SCENARIO_LIMIT_MS = 600_000;
const LOG_SHOWN = 6_000;

// The same names in every test, so that a picture or a log is told apart by its number only.
let addresses = 0;
export const address = (name = 'maria') => `${name}-${(addresses += 1)}@example.com`;

class World {
  // `behind` is the proxy in front, as examples/ has it; without, people reach the gateway itself. BMAUTH_FRONT puts one
  // in front of a file that names none.
  // `routes` stands after the routes that every test has; `root` is another host for the one of `/`, and `app` in the
  // table of that name.
  // `hosts` are names before an app that the test itself has; see `openHosts`.
  // With `line`, people reach the gateway by a relay like that; see relay.js.
  // With `storage`, there are two gateways on one PostgreSQL, and people reach them by turns; it is what else stands in that
  // table. See balance.js.
  async open({ behind = process.env.BMAUTH_FRONT, app, server, routes, root, hosts, line, storage }) {
    await mkdir(screenshots, { recursive: true });
    this.gateway = await Gateway.at(await freePort());
    if (hosts) return this.openHosts(hosts, routes);
    if (storage !== undefined) return this.openTwo(storage);
    const appPort = await freePort();
    const { port, admin } = this.gateway;
    if (behind && !line) {
      const ports = { 8080: await freePort(), 8081: port, 8000: appPort, 9091: new URL(admin).port };
      this.front = await Front.of(behind, ports);
    }
    if (line) {
      this.relay = await openRelay(port, line);
      this.gateway.origin = `http://localhost:${this.relay.port}`;
    }
    this.origin = (this.front ?? this.gateway).origin;
    this.origins = [this.origin];
    await this.start({ browser: launch(), mailbox: openMailbox(), app: runApp({ port: appPort, url: this.origin }) });
    const smtpPort = this.mailbox.port;
    if (this.front) {
      await this.gateway.configureBehind(await this.front.text('bmauth.toml'), { smtpPort, origin: this.origin });
    } else {
      await this.gateway.configure({ smtpPort, appPort, app, server, routes, root });
    }
    await this.gateway.run();
    await this.front?.run();
  }

  async openTwo(storage) {
    this.gateways = [this.gateway, await Gateway.at(await freePort())];
    await this.start({ database: PostgreSQL.start(), balance: openBalance(this.gateways.map(({ port }) => port)) });
    this.origin = `http://localhost:${this.balance.port}`;
    this.origins = [this.origin];
    const appPort = await freePort();
    await this.start({ browser: launch(), mailbox: openMailbox(), app: runApp({ port: appPort, url: this.origin }) });
    const key = path.join(this.gateway.directory, 'storage.key');
    await this.gateway.command('keys', 'new-file', key);
    for (const gateway of this.gateways) {
      gateway.origin = this.origin;
      await gateway.configure({
        smtpPort: this.mailbox.port,
        appPort,
        server: `admin_socket = "${path.join(gateway.directory, 'admin.sock')}"`,
        storage: `url = "${this.database.url}"\nkey_file = "${key}"\nmigrate = true\n${storage}`,
      });
    }
    await Promise.all(this.gateways.map((gateway) => gateway.run()));
  }

  // People sign in at the host `home`; `others` lead to the app at `appPort`. They speak TLS, or come by a proxy in front
  // that `standBehind` has started, and for which `changes` are made to the gateway's example.
  async openHosts({ home, others, appPort, changes }, routes) {
    if (changes) return this.openHostsBehind({ home, others, appPort, changes });
    const certificate = await makeCertificate(this.gateway.directory, [home, ...others]);
    trust(certificate.pem);
    this.args = ['--host-resolver-rules=MAP * 127.0.0.1', `--ignore-certificate-errors-spki-list=${certificate.pin}`];
    await this.start({ browser: launch({ args: this.args }), mailbox: openMailbox() });
    const smtpPort = this.mailbox.port;
    await this.gateway.configureHosts({ home, hosts: others, certificate, smtpPort, appPort, routes });
    this.origin = this.gateway.origin;
    this.origins = [home, ...others].map((host) => `https://${host}:${this.gateway.port}`);
    await this.gateway.run();
  }

  async openHostsBehind({ home, others, appPort, changes }) {
    const { port, admin } = this.gateway;
    this.ports = { 8080: await freePort(), 8081: port, 8000: appPort, 9091: new URL(admin).port };
    [this.origin, ...this.origins] = [home, home, ...others].map((host) => `http://${host}:${this.ports[8080]}`);
    await this.start({ browser: launch(), mailbox: openMailbox() });
    // It is the same for every proxy.
    const front = await Front.of('nginx', this.ports);
    const text = await front.text('bmauth.toml', changes);
    await front.close();
    await this.gateway.configureBehind(text, { smtpPort: this.mailbox.port, origin: this.origin });
    await this.gateway.run();
  }

  // Puts that proxy in the place of the one that stands in front.
  async standBehind(name, changes) {
    await this.front?.close();
    this.front = await Front.of(name, this.ports, new URL(this.origin).hostname);
    await this.front.run(changes);
  }

  // Waits for all of them and keeps each by its name: where one does not start, `close` ends the others, which would
  // keep this process from ending.
  async start(parts) {
    const keep = async ([name, part]) => (this[name] = await part);
    const ends = await Promise.allSettled(Object.entries(parts).map(keep));
    const failed = ends.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
  }

  async close() {
    await Promise.all([
      this.browser?.close(), this.gateway?.stop(), this.front?.close(), this.app?.stop(), this.mailbox?.close(),
      this.relay?.close(), this.balance?.close(), ...(this.gateways ?? []).slice(1).map((gateway) => gateway.stop()),
    ]);
    await this.database?.close();
  }
}

// Chromium without what it would do on its own; BMAUTH_HEADED=1 shows it. `film` is what its camera sees. With a
// `profile`, a folder, it is the browser of a person who has set it up: its one context.
export function launch({ film, args = [], profile } = {}) {
  const headed = process.env.BMAUTH_HEADED === '1';
  const options = {
    executablePath: process.env.BMAUTH_CHROMIUM || '/usr/bin/chromium',
    headless: !headed,
    args: [
      ...(headed ? [] : ['--headless=new']),
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
      ...(film
        ? [
            '--use-fake-device-for-media-stream',
            '--use-fake-ui-for-media-stream',
            `--use-file-for-fake-video-capture=${film}`,
          ]
        : []),
    ],
  };
  return profile ? chromium.launchPersistentContext(profile, options) : chromium.launch(options);
}

// Opens a world for the tests of this file. Each scenario gets the world and `enter`, which lets a new visitor in:
// a browser profile of its own with a device. A scenario also fails where a page broke its content policy, threw, or
// asked another origin for something. On failure the pages' pictures and the gateway's log are kept.
export function openWorld(options = {}) {
  const world = new World();
  before(() => world.open(options), { timeout: SCENARIO_LIMIT_MS });
  after(() => world.close(), { timeout: SCENARIO_LIMIT_MS });

  return function scenario(name, run) {
    test(name, { timeout: SCENARIO_LIMIT_MS }, async () => {
      const visitors = [];
      const enter = async (options) => {
        const visitor = await Visitor.enter(world, options);
        visitors.push(visitor);
        return visitor;
      };
      try {
        await run({ world, origin: world.origin, gateway: world.gateway, mailbox: world.mailbox, front: world.front, enter });
        const troubles = visitors.flatMap((visitor) => visitor.troubles);
        if (troubles.length > 0) throw new Error(`a page is not as it should be:\n${troubles.join('\n')}`);
      } catch (error) {
        await keepEvidence(name, visitors, world);
        throw error;
      } finally {
        await Promise.all(visitors.map((visitor) => visitor.leave()));
      }
    });
  };
}

async function keepEvidence(name, visitors, { gateway, gateways = [gateway], front }) {
  for (const [number, visitor] of visitors.entries()) {
    const file = `failed-${name.replaceAll(/[^a-z0-9]+/gi, '-')}-${number + 1}.png`;
    await visitor.page.screenshot({ path: screenshots + file }).catch(() => {});
    console.error(`visitor ${number + 1} stood at ${visitor.page.url()}, picture in screenshots/${file}`);
  }
  for (const { log } of gateways) console.error(`the gateway's log when "${name}" failed:\n${log.slice(-LOG_SHOWN)}`);
  if (front) console.error(`the log of ${front.name}:\n${front.log.slice(-LOG_SHOWN)}`);
}
