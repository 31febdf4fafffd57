// What must hold whichever proxy stands in front. Each proxy's test file names its own traps and calls `openFront`.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { doctor } from './front.js';
import { send, upgrade } from './loopback.js';
import { address, openWorld } from './world.js';

// Names that a server or framework may read as one of ours.
const SPOOFED = [
  'X-BMAuth-JWT', 'x-bmauth-jwt', 'X-BMAUTH-JWT', 'Remote-User', 'REMOTE-USER', 'Remote-Email', 'Remote-Name', 'Remote-Groups',
];
const MISSPELLED = [
  'X_BMAuth_JWT', 'x.bmauth.jwt', 'X-BMAuth_JWT', 'x-bmauth.jwt', 'remote_user', 'REMOTE.USER', 'Remote_Email',
  'remote.name', 'Remote_Groups',
];
const fold = (name) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
const PAGE = ['Accept', 'text/html', 'Sec-Fetch-Mode', 'navigate'];
const SCRIPT = ['Accept', 'application/json'];
const QUESTION = '/_bmauth/forward-auth';

// What the doctor is told of the FastAPI example.
const PATHS = [
  '--route', '/', '--route', '/notes/1', '--public', '/public', '--public', '/public/headers', '--public', '/optional',
];

// The scenarios of one proxy. `wrong` are mistakes in its configuration: what is wrong, which lines are spoiled, what
// the doctor has to say to it, and whether the app is then open.
export function openFront(name, wrong) {
  const scenario = openWorld({ behind: name });

  scenario(`${name}: a visitor is sent to sign in by a page, told 401 by everything else, and let in where it is open`, async ({ origin }) => {
    for (const method of ['GET', 'HEAD']) {
      const page = await send(origin, '/notes/1?a=b', { method, headers: PAGE });
      assert.equal(page.status, 303);
      const where = new URL(page.headers.location, origin);
      assert.equal(where.origin, origin);
      assert.equal(where.pathname, '/_bmauth/sign-in');
      assert.equal(where.searchParams.get('return_to'), '/notes/1?a=b');
    }
    for (const request of [
      { headers: SCRIPT },
      { headers: ['Accept', '*/*', 'Sec-Fetch-Mode', 'cors'] },
      { method: 'POST', headers: ['Content-Type', 'text/plain'], body: 'a note' },
      { headers: upgrade(origin) },
      { headers: [...SCRIPT, 'Cookie', `bmauth=${'A'.repeat(43)}`] },
      { headers: [...SCRIPT, 'Authorization', 'Bearer a.b.c'] },
    ]) {
      const answer = await send(origin, '/ws', request);
      assert.equal(answer.status, 401);
      assert.match(answer.headers['content-type'], /^application\/problem\+json/);
      assert.equal(answer.headers['x-bmauth-problem'], 'sign-in-required');
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
      const problem = JSON.parse(answer.text);
      assert.equal(problem.type, 'urn:bmauth:problem:sign-in-required');
      assert.equal(new URL(problem.sign_in_url, origin).pathname, '/_bmauth/sign-in');
    }
    assert.match((await send(origin, '/public')).text, /Hello, everyone/);
    assert.match((await send(origin, '/optional')).text, /Hello, guest/);
    assert.equal((await send(origin, '/publicity', { headers: SCRIPT })).status, 401);
  });

  scenario(`${name}: a person who registers and signs in is there, and the app is told who, and not the session`, async ({ enter, origin }) => {
    const maria = await enter();
    const email = address();
    await maria.register(email, '/notes/7?page=2');
    assert.match(await maria.page.content(), /page=2/);
    await maria.signOut();
    await maria.signInByEmail(email, '/notes/8');

    assert.equal(JSON.parse((await maria.send('/api/me')).text).email, email);
    assert.equal((await maria.send('/', { method: 'HEAD' })).status, 405, 'the app has no HEAD');
    const body = Buffer.alloc(300_000, 'x');
    const uploaded = await maria.send('/upload', { method: 'POST', headers: ['Content-Length', `${body.length}`], body });
    assert.deepEqual(JSON.parse(uploaded.text), { bytes: body.length });
    for (const headers of [[], ['Expect', '100-continue']]) {
      const chunked = await maria.send('/upload', { method: 'POST', headers, body: Readable.from([body, body]) });
      assert.deepEqual(JSON.parse(chunked.text), { bytes: 2 * body.length }, headers.join());
    }
    assert.match((await maria.send('/optional')).text, new RegExp(`Hello, ${email}`));

    const session = await maria.cookie();
    const cookie = `theme=dark; bmauth=${session.value}; other=1`;
    const told = JSON.parse((await send(origin, '/headers', { headers: ['Cookie', cookie] })).text);
    assert.deepEqual(valuesOf(told, 'Cookie'), ['theme=dark; other=1']);
    // Cookies come back in the answer, so there has to be room for them.
    const many = `many=${'x'.repeat(6000)}`;
    const much = await send(origin, '/headers', { headers: ['Cookie', `${many}; bmauth=${session.value}`] });
    assert.equal(much.status, 200);
    assert.deepEqual(valuesOf(JSON.parse(much.text), 'Cookie'), [many]);
    assert.deepEqual(valuesOf(told, 'Remote-Email'), [email]);
    assert.equal(valuesOf(told, 'Remote-User').length, 1);
    assert.equal(valuesOf(told, 'X-BMAuth-JWT').length, 1);
    assert.ok(!JSON.stringify(told).includes(session.value), 'the session stays with the gateway');
    // With no other cookie, and on a public route, it stays as well.
    for (const path of ['/headers', '/public/headers']) {
      const answer = await maria.send(path);
      assert.equal(answer.status, 200);
      assert.ok(!answer.text.includes(session.value), path);
    }
    const socket = await maria.openSocket();
    await maria.page.goto(`${origin}/_bmauth/devices`);
    await maria.heading('My devices');
    assert.ok(socket);
  });

  scenario(`${name}: no spelling of an identity header gets through, signed in or not`, async ({ enter, origin }) => {
    const maria = await enter();
    const email = address();
    await maria.register(email);
    const forge = (names) => names.flatMap((each) => [each, 'spoofed', each, 'spoofed again']);
    for (const names of [SPOOFED, ...MISSPELLED.map((each) => [each])]) {
      for (const ask of [
        (headers) => maria.send('/headers', { headers }),
        (headers) => send(origin, '/public/headers', { headers }),
        (headers) => send(origin, '/headers', { headers }),
      ]) {
        const answer = await ask([...SCRIPT, ...forge(names)]);
        assert.ok(!answer.text.includes('spoofed'), `${names}: ${answer.text}`);
        assert.ok([200, 400, 401, 403].includes(answer.status), `${names}: ${answer.status}`);
      }
    }
    // A header that is named in Connection ends at the next server; the identity must not be made to.
    for (const named of ['X-BMAuth-JWT, Remote-User, Remote-Email', 'Cookie', 'X-Forwarded-Uri, X-Original-URL', 'Host']) {
      const answer = await maria.send('/headers', { headers: [...SCRIPT, 'Connection', `close, ${named}`] });
      assert.ok([200, 400, 401, 403].includes(answer.status), `${named}: ${answer.status}`);
      if (answer.status !== 200) continue;
      assert.equal(valuesOf(JSON.parse(answer.text), 'X-BMAuth-JWT').length, 1, named);
      assert.deepEqual(valuesOf(JSON.parse(answer.text), 'Remote-Email'), [email], named);
    }
    const told = JSON.parse((await maria.send('/headers', { headers: forge(SPOOFED) })).text);
    assert.deepEqual(valuesOf(told, 'Remote-Email'), [email]);
    assert.equal(valuesOf(told, 'X-BMAuth-JWT').length, 1);
    for (const header of ['X-BMAuth-JWT', 'Remote-User', 'Remote-Email', 'Remote-Groups']) {
      const open = JSON.parse((await send(origin, '/public/headers', { headers: forge(SPOOFED) })).text);
      assert.ok(valuesOf(open, header).every((value) => value === ''), header);
    }
  });

  scenario(`${name}: an access token opens what the cookie opens, and stays with the gateway`, async ({ enter, mailbox, origin }) => {
    const maria = await enter();
    const email = address();
    await maria.goto('/public');
    await maria.device.touched(() => maria.page.evaluate(signUp, email));
    const { session } = await maria.page.evaluate(call, ['/signin/otp/email/verify', { email, otp: await mailbox.code(email) }]);
    const ask = async (Authorization, path = '/headers') => {
      const answer = await send(origin, path, { headers: [...SCRIPT, 'Authorization', Authorization] });
      return [answer.status, answer.status === 200 ? JSON.parse(answer.text) : []];
    };
    for (const path of ['/headers', '/public/headers']) {
      const [status, told] = await ask(`Bearer ${session.accessToken}`, path);
      assert.equal(status, 200);
      assert.ok(!JSON.stringify(told).includes(session.accessToken), path);
      if (path === '/headers') assert.deepEqual(valuesOf(told, 'Remote-Email'), [email]);
    }
    // What is not the gateway's is the app's affair.
    const [status, told] = await ask('Basic bWFyaWE6bWFyaWE=', '/public/headers');
    assert.equal(status, 200);
    assert.deepEqual(valuesOf(told, 'Authorization'), ['Basic bWFyaWE6bWFyaWE=']);
    const signature = session.accessToken.lastIndexOf('.') + 1;
    const spoiled = session.accessToken.slice(0, signature) + 'A'.repeat(session.accessToken.length - signature);
    assert.equal((await ask(`Bearer ${spoiled}`))[0], 401);
  });

  scenario(`${name}: nothing an unknown client sends opens a protected path, nor the question itself`, async ({ origin }) => {
    const url = new URL(origin);
    const forwarded = [
      'X-Forwarded-Method', 'GET', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', url.host, 'X-Forwarded-Uri', '/public',
    ];
    const original = ['X-Original-URL', `${origin}/public`, 'X-Original-Method', 'GET'];
    for (const headers of [
      forwarded, original, [...forwarded, ...original], ['X-Original-URI', '/public'], ['X-Rewrite-URL', '/public'],
      ['X-Forwarded-Uri', '/public'], ['X-Forwarded-Method', 'OPTIONS'], ['X-Forwarded-For', '127.0.0.1'],
    ]) {
      for (const path of ['/headers', '/notes/1']) {
        const { status } = await send(origin, path, { headers: [...SCRIPT, ...headers] });
        assert.ok([401, 403].includes(status), `${path} with ${headers}: ${status}`);
      }
      for (const path of [QUESTION, `${QUESTION}/`, `${QUESTION}/public`, '/_bmauth//forward-auth', '/_bmauth/./forward-auth']) {
        const { status } = await send(origin, path, { headers: [...SCRIPT, ...headers] });
        assert.ok([400, 403, 404, 418].includes(status), `${path} with ${headers}: ${status}`);
      }
    }
    const odd = await send(origin, '/headers', { headers: [...SCRIPT, 'Host', `${url.host}@example.com`] });
    assert.ok([400, 403, 404].includes(odd.status), `an odd Host: ${odd.status}`);
    for (const path of ['//headers', '/public/../headers', '/public/%2e%2e/headers', '/public/..;/headers', '/%68eaders', '/_bmauth/../headers']) {
      const { status } = await send(origin, path, { headers: SCRIPT });
      assert.ok([400, 401, 403].includes(status), `${path}: ${status}`);
    }
  });

  scenario(`${name}: the question is answered to a trusted proxy alone`, async ({ gateway, front }) => {
    const inner = `http://localhost:${gateway.port}`;
    const forwarded = [
      'X-Forwarded-Method', 'GET', 'X-Forwarded-Proto', 'http', 'X-Forwarded-Host', new URL(front.origin).host,
      'X-Forwarded-Uri', '/public',
    ];
    assert.equal((await send(inner, QUESTION, { headers: forwarded })).status, 200);
    const untrusted = await send(inner, QUESTION, { headers: forwarded, localAddress: '127.0.0.2' });
    assert.equal(untrusted.status, 403);
    assert.equal(untrusted.headers['x-bmauth-jwt'], undefined);
  });

  scenario(`${name}: a session that was ended is out with the next request`, async ({ enter, gateway }) => {
    const maria = await enter();
    const email = address();
    await maria.register(email);
    assert.equal((await maria.send('/api/me')).status, 200);
    const ended = await gateway.command('sessions', 'end', '--user', email);
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal((await maria.send('/api/me', { headers: SCRIPT })).status, 401);
    assert.equal((await maria.send('/', { headers: PAGE })).status, 303);
    assert.equal((await maria.send('/ws', { headers: upgrade(maria.world.origin) })).status, 401);
  });

  scenario(`${name}: what the app streams arrives as it is said`, async ({ enter }) => {
    const maria = await enter();
    await maria.register(address());
    const { response } = await maria.send('/events', { headers: ['Accept', 'text/event-stream'], stream: true });
    response.setEncoding('utf8');
    const heard = response[Symbol.asyncIterator]();
    const until = async (words) => {
      for (let text = ''; !text.includes(words); ) text += (await heard.next()).value;
    };
    await until('listening');
    assert.equal((await maria.send('/events', { method: 'POST', body: 'a notice' })).status, 204);
    await until('a notice');
    response.destroy();
  });

  scenario(`${name}: a page of another site cannot open a WebSocket with the visitor's cookies`, async ({ enter, origin }) => {
    const maria = await enter();
    await maria.register(address());
    assert.equal((await maria.send('/ws', { headers: upgrade(origin) })).status, 101);
    const foreign = await maria.send('/ws', { headers: upgrade('http://evil.example') });
    assert.equal(foreign.status, 403);
    assert.equal(foreign.headers['x-bmauth-problem'], 'foreign-origin');
  });

  scenario(`${name}: while the gateway is away no request gets through`, async ({ enter, gateway, origin }) => {
    const maria = await enter();
    await maria.register(address());
    await gateway.child.stop();
    for (const path of ['/', '/api/me', '/public', '/optional']) {
      const { status } = await maria.send(path, { headers: SCRIPT });
      assert.ok(status >= 500, `${path}: ${status}`);
      assert.ok((await send(origin, path, { headers: PAGE })).status >= 500, path);
    }
    await gateway.run();
    // A proxy may take a moment to believe that it is back.
    await gateway.child.until(async () => (await maria.send('/api/me')).status === 200);
  });

  scenario(`${name}: the doctor finds nothing in the example`, async ({ origin }) => {
    const { code, lines, failed, stderr } = await doctor(origin, ...PATHS);
    assert.deepEqual({ failed, stderr, code }, { failed: [], stderr: '', code: 0 });
    assert.ok(lines.filter((line) => line.startsWith('ok')).length > 100, 'it looked');
    const unclear = lines.filter((line) => /got through/.test(line));
    assert.deepEqual(unclear, []);
  });

  scenario(`${name}: the doctor tells when the app answers around the proxy`, async ({ origin, world }) => {
    const { code, failed } = await doctor(origin, ...PATHS, '--backend', world.app.origin);
    assert.equal(code, 1);
    assert.ok(failed.some((line) => line.includes(`${world.app.origin}/public`) && /open to everyone/.test(line)), failed.join('\n'));
    assert.ok(failed.every((line) => line.includes(world.app.origin)), failed.join('\n'));
  });

  for (const { what, changes, says, open = true } of wrong) {
    scenario(`${name}: the doctor tells when ${what}`, async ({ front, origin }) => {
      await front.stop();
      await front.run(changes);
      try {
        const { code, failed } = await doctor(origin, ...PATHS);
        assert.equal(code, 1, failed.join('\n'));
        assert.equal(failed.some((line) => /open to everyone/.test(line)), open, failed.join('\n'));
        for (const words of says) assert.ok(failed.some((line) => words.test(line)), `${words} in\n${failed.join('\n')}`);
      } finally {
        await front.stop();
        await front.run();
      }
    });
  }
  return scenario;
}

// In the browser: a call of the JSON API, and a sign-up over it up to the e-mail code.
async function call([path, body]) {
  const answer = await fetch(`/_bmauth/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function signUp(email) {
  const post = async (path, body) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`/_bmauth/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await post('/signup/webauthn', { email }));
  const credential = await navigator.credentials.create({ publicKey });
  await post('/signup/webauthn/verify', { credential: credential.toJSON() });
}

const valuesOf = (told, wanted) => told.filter(([name]) => fold(name) === fold(wanted)).map(([, value]) => value);
