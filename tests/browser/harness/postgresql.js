// A PostgreSQL of a test's own, on loopback: run as another user where the tests are root's, and stopped with them, however
// they end.
import { execFile, spawn } from 'node:child_process';
import { createWriteStream, existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from './loopback.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

// Whom it runs as where the tests are root's: PostgreSQL refuses to be root's.
const OTHER = 65534;
const AS_ROOT = process.getuid() === 0;
const asItsUser = AS_ROOT ? { uid: OTHER, gid: OTHER } : {};

const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: 100,
  shared_buffers: '32MB',
  autovacuum: 'off',
};

// Starts the server, and again for each line that it reads. As soon as the other end of its standard input is closed, it
// stops the server and takes its folder away.
const GUARD = `trap '' INT; "$@" & server=$!
while read -r _; do wait $server; "$@" & server=$!; done
kill -QUIT $server; wait $server; rm -rf "$FOLDER"`;

const LIMIT_MS = 60_000;

export class PostgreSQL {
  static async start() {
    const folder = await mkdtemp(path.join(tmpdir(), 'bmauth-pg-'));
    await chmod(folder, 0o700);
    if (AS_ROOT) await chown(folder, OTHER, OTHER);
    const [bin, port] = [programs(), await freePort()];
    const options = { cwd: folder, env: { PATH: process.env.PATH, HOME: folder, LC_ALL: 'C' }, ...asItsUser };
    const data = path.join(folder, 'data');
    const made = ['-D', data, '-U', 'bmauth', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'];
    await run(path.join(bin, 'initdb'), made, options);
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const words = ['-D', data, '-k', folder, '-h', '127.0.0.1', '-p', port, ...settings].map(String);
    const guard = spawn('sh', ['-c', GUARD, 'sh', path.join(bin, 'postgres'), ...words], {
      ...options,
      env: { ...options.env, FOLDER: folder },
      // What ends the tests by a key ends it through the guard.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const log = createWriteStream(path.join(folder, 'log'));
    for (const stream of [guard.stdout, guard.stderr]) stream.pipe(log, { end: false });
    const server = new PostgreSQL(folder, data, port, guard);
    await server.answers();
    return server;
  }

  constructor(folder, data, port, guard) {
    Object.assign(this, { folder, data, port, guard });
    this.url = `postgres://bmauth@127.0.0.1:${port}/postgres`;
    this.ended = new Promise((resolve) => guard.once('close', resolve));
    this.guard.stdin.on('error', () => {});
  }

  // Waits until it takes connections, as its file says.
  async answers() {
    await until('PostgreSQL answers', async () => {
      if (this.guard.exitCode !== null) throw new Error(`PostgreSQL ended: ${await this.log()}`);
      const lines = (await readFile(path.join(this.data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
      return lines.some((line) => line.trim() === 'ready');
    });
  }

  log() {
    return readFile(path.join(this.folder, 'log'), 'utf8').catch(() => '');
  }

  // Kills it as a machine that loses its power does, and waits until all of it is gone.
  async kill() {
    const [leader] = (await readFile(path.join(this.data, 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(leader), 'SIGKILL');
    await until('PostgreSQL is gone', async () => {
      const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      const folders = await Promise.all(processes.map((name) => readlink(`/proc/${name}/cwd`).catch(() => '')));
      return !folders.includes(this.data);
    });
  }

  // Starts it again after `kill`, on the same folder.
  async startAgain() {
    await rm(path.join(this.data, 'postmaster.pid'), { force: true });
    this.guard.stdin.write('again\n');
    await this.answers();
  }

  async close() {
    this.guard.stdin.end();
    await this.ended;
  }
}

// Where PostgreSQL's programs are: those that scripts/setup has unpacked, or the system's, 15 or later.
function programs() {
  for (const place of [path.join(root, 'target/tools/postgresql/usr/lib/postgresql'), '/usr/lib/postgresql']) {
    const versions = existsSync(place) ? readdirSync(place).filter((name) => /^\d+$/.test(name) && name >= 15) : [];
    const newest = versions.sort((one, other) => other - one)[0];
    if (newest) return path.join(place, newest, 'bin');
  }
  throw new Error('PostgreSQL 15 or later is missing: run `scripts/setup tests`.');
}

async function until(what, isSo) {
  const deadline = Date.now() + LIMIT_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${LIMIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
