// nginx, Caddy, Traefik or Envoy in front of BMAuth, with the very files of examples/.
//
// Only two things are changed in them: the ports, and printed letters become sent ones. A test that wants a mistake in
// a configuration names the line it spoils, and that line must be there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.js';
import { binary } from './gateway.js';
import { send } from './loopback.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const tools = path.join(root, 'target/tools/bin');
const PATH = [tools, process.env.PATH, '/usr/sbin'].join(path.delimiter);

const COMMANDS = {
  nginx: ['nginx', '-p', '.', '-c', 'nginx.conf', '-e', 'stderr'],
  caddy: ['caddy', 'run', '--config', 'Caddyfile'],
  traefik: ['traefik', '--configFile=traefik.yml'],
  envoy: ['envoy', '-c', 'envoy.yaml', '--disable-hot-restart', '--concurrency', '1'],
};

export class Front {
  // `ports` are those that stand in the examples, and what they become: { 8080: …, 8081: …, 8000: …, 9091: … }. People
  // sign in at `host`.
  static async of(name, ports, host = 'localhost') {
    const directory = await mkdtemp(path.join(tmpdir(), `bmauth-${name}-`));
    // nginx's workers run as another user where it is started by root.
    await chmod(directory, 0o755);
    await mkdir(path.join(directory, 'run'));
    return new Front(name, ports, directory, host);
  }

  constructor(name, ports, directory, host) {
    this.name = name;
    this.ports = ports;
    this.directory = directory;
    this.origin = `http://${host}:${ports[8080]}`;
    this.source = path.join(root, 'examples', name);
  }

  get log() {
    return this.child?.log ?? '';
  }

  // A file of the example, for this test's ports and with what `changes` says: [file, from, to].
  async text(file, changes = []) {
    let text = await readFile(path.join(this.source, file), 'utf8');
    for (const [where, from, to] of changes) {
      if (where !== file) continue;
      assert.ok(text.includes(from), `${file} of examples/${this.name} has no ${from}`);
      text = text.replaceAll(from, to);
    }
    return text.replaceAll(/\b(8080|8081|8000|9091)\b/g, (port) => this.ports[port]);
  }

  async run(changes = []) {
    const files = (await readdir(this.source)).filter((file) => !/^(README\.md|bmauth\.toml|run)$/.test(file));
    for (const [file] of changes) assert.ok(files.includes(file), `examples/${this.name} has no ${file}`);
    for (const file of files) {
      await writeFile(path.join(this.directory, file), await this.text(file, changes));
    }
    const [command, ...args] = COMMANDS[this.name];
    this.child = new Child(this.name, command, args, { cwd: this.directory, env: { PATH } });
    await this.child.until(async () => (await send(this.origin, '/_bmauth/sign-in')).status === 200);
  }

  // They have nothing to lose, so nothing waits for them; only nginx has children of its own to end.
  async stop() {
    await (this.name === 'nginx' ? this.child?.stop() : this.child?.crash());
  }

  async close() {
    await this.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

// `bmauth doctor`: its exit code and its lines.
export function doctor(...args) {
  return new Promise((resolve) => {
    execFile(binary, ['doctor', ...args], { env: { NO_COLOR: '1' } }, (error, stdout, stderr) => {
      resolve(read({ code: error?.code ?? 0, stdout, stderr }));
    });
  });
}

export function read({ code, stdout, stderr }) {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return { code, lines, failed: lines.filter((line) => line.startsWith('FAIL')), stderr };
}
