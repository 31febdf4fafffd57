// The first ten minutes of a new operator: what README says, word for word, in a clean folder with nothing else.
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Child } from './harness/child.js';
import { binary } from './harness/gateway.js';
import { freePort, send } from './harness/loopback.js';
import { Visitor } from './harness/visitor.js';
import { address, launch } from './harness/world.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const python = path.join(root, 'examples/fastapi/.venv/bin');

let browser;
let directory;
let readme;
let port;
let appPort;
let adminPort;
let origin;
let gateway;
let app;

before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'bmauth-newcomer-'));
  readme = await readFile(path.join(root, 'README.md'), 'utf8');
  [browser, port, appPort, adminPort] = await Promise.all([launch(), freePort(), freePort(), freePort()]);
  origin = `http://localhost:${port}`;
  // Where `cargo build --release` puts it.
  await mkdir(path.join(directory, 'target/release'), { recursive: true });
  await copyFile(binary, path.join(directory, 'target/release/bmauth'));
  await chmod(path.join(directory, 'target/release/bmauth'), 0o755);
});

after(async () => {
  await Promise.all([browser?.close(), gateway?.stop(), app?.stop()]);
  await rm(directory, { recursive: true, force: true });
});

// The line of README that begins so, without its remark, for our own ports: others may be in use here.
function line(beginning) {
  const found = readme.split('\n').find((one) => one.startsWith(beginning));
  assert.ok(found, `README has no line that begins with ${beginning}`);
  const ours = found.replace(/\s+#.*$/, '').replaceAll('8080', String(port)).replaceAll(/\b8000\b/g, String(appPort));
  return ours.trim();
}

// A command as it is typed in that folder; what it printed, and how it ended.
async function types(command, { keeps = false } = {}) {
  const child = new Child(command, 'sh', ['-c', `exec env ${command}`], {
    cwd: directory,
    // Its own port for health: the one of every gateway may be in use here.
    env: { NO_COLOR: '1', PATH: `${python}:${process.env.PATH}`, BMAUTH__SERVER__ADMIN: `127.0.0.1:${adminPort}` },
  });
  if (keeps) return child;
  const how = await child.ended;
  return { printed: child.log, how };
}

async function runs(command) {
  const { printed, how } = await types(command);
  assert.equal(how, 'ended with code 0', printed);
  return printed;
}

async function serves() {
  gateway = await types(line('./target/release/bmauth serve '), { keeps: true });
  await gateway.until(async () => (await send(origin, '/_bmauth/healthz')).status === 200);
}

// The letters that the gateway has printed to an address, the newest last.
function letters(email) {
  return gateway.log.split(/^Mail to /m).filter((letter) => letter.startsWith(`${email}\n`));
}

async function register(email, at) {
  const visitor = await Visitor.enter({ browser, origin, origins: [origin] });
  await visitor.askToRegister(email, at);
  await gateway.until(async () => letters(email).length > 0);
  return visitor;
}

const codeIn = (letter) => /(\d{3})\s(\d{3}) is your/.exec(letter)?.slice(1).join('');

test('init writes a file that serves, and refuses to guess what it was not told', async () => {
  const init = line('./target/release/bmauth init --public-url');
  const { printed, how } = await types(init.replace(/ --registration \S+/, ''));
  assert.equal(how, 'ended with code 2', printed);
  assert.match(printed, /--registration/);
  await assert.rejects(stat(path.join(directory, 'bmauth.toml')));
  await runs(init);
  assert.equal((await stat(path.join(directory, 'bmauth.toml'))).mode & 0o777, 0o600);
});

test('the app of README starts as README says', async () => {
  // Where scripts/setup has installed it from, as README says.
  assert.match(line('pip install '), /^pip install "\.\/clients\/python\[fastapi\]"/);
  const [block] = /from bmauth\.fastapi import SignedIn\n.*?(?=```)/s.exec(readme);
  await writeFile(path.join(directory, 'main.py'), `from fastapi import FastAPI\n\napp = FastAPI()\n${block}`);
  app = await types(line('BMAUTH_URL='), { keeps: true });
  await app.until(async () => (await send(`http://127.0.0.1:${appPort}`, '/api/me')).status === 401);
});

test('check is well while the gateway runs, and says who can get in', async () => {
  await serves();
  const said = await runs(line('./target/release/bmauth check '));
  assert.match(said, /anyone who proves/);
});

test('a person who registers with the printed code is in the app, which knows them', async () => {
  const email = address();
  const visitor = await register(email, '/api/me');
  await visitor.enterCode(codeIn(letters(email).at(-1)));
  await visitor.at('/api/me');
  const told = JSON.parse(await visitor.page.locator('body').innerText());
  assert.equal(told.email, email);
  assert.match(await runs('./target/release/bmauth users list'), new RegExp(`${email} +active`));
  await visitor.leave();
  assert.deepEqual(visitor.troubles, []);
});

test('with invitations, a person who was added registers, and all others are told by letter', async () => {
  const file = path.join(directory, 'bmauth.toml');
  const written = await readFile(file, 'utf8');
  assert.ok(written.includes('\nregistration = "open"'), written);
  await writeFile(file, written.replace('\nregistration = "open"', '\nregistration = "invite"'));
  await gateway.stop();
  await serves();
  const [ann, bob] = [address(), address()];
  const add = line('bmauth users add ').replace('ann@example.com', ann).replace('bmauth', './target/release/bmauth');
  assert.match(await runs(add), new RegExp(`${ann} may create an account at ${origin}/_bmauth/register, into staff`));

  const outsider = await register(bob, '/api/me');
  assert.match(letters(bob).at(-1), /New accounts are by invitation, and there is none for this address/);
  assert.equal(codeIn(letters(bob).at(-1)), undefined);
  await outsider.enterCode('000000');
  await outsider.alert.getByText('That code is not right.').waitFor();
  await outsider.leave();

  const visitor = await register(ann, '/api/me');
  await visitor.enterCode(codeIn(letters(ann).at(-1)));
  await visitor.at('/api/me');
  assert.match(await runs('./target/release/bmauth users list'), new RegExp(`${ann} +active +staff`));
  await visitor.leave();
});
