// `bmauth doctor` in front of the gateway itself, and of servers that do what careless ones do.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { doctor, read } from './harness/front.js';
import { freePort } from './harness/loopback.js';
import { openWorld } from './harness/world.js';

const scenario = openWorld();

// A server that answers as `answer(request, response)` says, while `use(origin)` runs.
async function serving(answer, use) {
  const server = http.createServer(answer);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://localhost:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const has = (lines, words) => assert.ok(lines.some((line) => words.test(line)), `${words} in\n${lines.join('\n')}`);

scenario('the gateway itself lets no unknown client through', async ({ origin }) => {
  const open = ['--public', '/public', '--public', '/public/headers', '--public', '/optional'];
  const { code, lines, failed } = await doctor(origin, '--route', '/', '--route', '/notes/1', ...open);
  assert.deepEqual({ failed, code }, { failed: [], code: 0 });
  has(lines, /^ok    GET \/: 303 to sign in$/);
  has(lines, /^ok    \/public\/headers and a forged x_bmauth_jwt: no trace of it in the answer$/);
  has(lines, /^ok    GET \/_bmauth\/\.\.\/notes\/1: 400 by BMAuth$/);
  has(lines, /^ok    GET \/sw\.js for a service worker: BMAuth ends the app's worker if the visitor is not signed in$/);
  assert.deepEqual(lines.filter((line) => /got through/.test(line)), []);
});

scenario('a configuration that is named says what is open', async ({ origin, gateway }) => {
  const { code, lines, failed } = await gateway.command('doctor', origin).then(read);
  assert.deepEqual({ failed, code }, { failed: [], code: 0 });
  has(lines, /^note  only signed-in people may see \/, \/down$/);
  has(lines, /^ok    GET \/optional is open to everyone: 200$/);
  const other = await gateway.command('doctor', origin.replace('localhost', '127.0.0.1')).then(read);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /has no \[\[route\]\] for the host of http:\/\/127\.0\.0\.1/);
});

scenario('it says what it assumed, and what it could not see', async ({ origin }) => {
  const { code, lines } = await doctor(origin);
  assert.equal(code, 0);
  has(lines, /^note  only signed-in people may see \/ \(--route names others\)$/);
  has(lines, /^note  no path is named with --public/);
  has(lines, /^note  no app is named with --backend/);
  has(lines, /^note  a signed-in visitor's request cannot be made from here/);
});

scenario('a path that is taken for open, or for protected, and is not', async ({ origin }) => {
  const closed = await doctor(origin, '--public', '/notes/1');
  assert.equal(closed.code, 1);
  has(closed.failed, /GET \/notes\/1: 303 to .*, but it is named as --public/);
  const open = await doctor(origin, '--route', '/public');
  assert.equal(open.code, 1);
  has(open.failed, /GET \/public: 200: open to everyone/);
});

scenario('an app that cannot be reached past the gateway', async ({ origin }) => {
  const closed = `http://127.0.0.1:${await freePort()}`;
  const { code, lines } = await doctor(origin, '--backend', closed);
  assert.equal(code, 0, lines.join('\n'));
  has(lines, /^ok    http:\/\/127\.0\.0\.1:\d+\/, the app itself: does not answer here$/);
});

test('an app without anything in front is open to everyone', async () => {
  await serving((_, response) => response.end('Hello'), async (origin) => {
    const { code, failed } = await doctor(origin);
    assert.equal(code, 1);
    for (const words of [/^FAIL  GET \/: 200: open to everyone/, /^FAIL  POST \/: 200/, /^FAIL  \/_bmauth\/sign-in: 200, not BMAuth's page/]) {
      has(failed, words);
    }
  });
});

test('an app that denies by itself was reached, whatever it says', async () => {
  const answers = [
    (response) => response.writeHead(401).end('{"detail":"Sign in first"}'),
    (response) => response.writeHead(404).end('nothing'),
    (response) => response.writeHead(302, { location: '/login' }).end(),
    (response) => response.writeHead(302, { location: '/_bmauth/sign-in' }).end(),
    (response) => response.writeHead(403).end('no'),
    (response) => response.writeHead(200).end('<h1>Please sign in</h1>'),
  ];
  for (const answer of answers) {
    await serving((_, response) => answer(response), async (origin) => {
      const { code, failed } = await doctor(origin);
      assert.equal(code, 1);
      has(failed, /^FAIL  GET \/: .*open to everyone/);
      has(failed, /^FAIL  POST \/: .*open to everyone/);
    });
  }
});

test('a guard that one header opens is found', async () => {
  const openers = [
    [/with forged identity headers/, ({ headers }) => 'remote-user' in headers],
    [/with forged identity headers in every spelling/, ({ headers }) => 'remote_user' in headers],
    [/with forged X-Original-URL and -Method/, ({ headers }) => (headers['x-original-url'] ?? '').startsWith('http')],
    [/with forged X-Forwarded-Uri/, ({ headers }) => 'x-forwarded-uri' in headers],
    [/X-Forwarded-For, X-Real-IP and Forwarded from this machine/, ({ headers }) => headers['x-forwarded-for'] === '127.0.0.1'],
    [/with a made-up session cookie/, ({ headers }) => /bmauth=[\w-]{43}/.test(headers.cookie ?? '')],
    [/with a made-up Bearer/, ({ headers }) => 'authorization' in headers],
    [/GET \/\/notes/, ({ url }) => url === '//notes'],
    [/GET \/_bmauth\/\.\.\/notes/, ({ url }) => url === '/_bmauth/../notes'],
    [/GET \/_bmauth\/\.\.;\/notes/, ({ url }) => url === '/_bmauth/..;/notes'],
    [/GET \/%6eotes/, ({ url }) => url === '/%6eotes'],
    [/GET \/notes\/doctor-[\w-]+, which does not exist: 200/, ({ url }) => url.startsWith('/notes/') && !url.includes('.')],
    [/GET \/notes\/doctor-[\w-]+\.css, which does not exist: 200/, ({ url }) => url.endsWith('.css')],
    [/HEAD \/notes/, ({ method }) => method === 'HEAD'],
    [/OPTIONS \/notes/, ({ method }) => method === 'OPTIONS'],
    [/the host doctor\.invalid/, ({ headers }) => headers.host === 'doctor.invalid'],
    [/forward-auth asked from outside with X-Forwarded-Method/, ({ url, headers }) => url === '/_bmauth/forward-auth' && 'x-forwarded-method' in headers],
  ];
  for (const [words, opens] of openers) {
    const answer = (request, response) => {
      if (opens(request)) return response.end('the app');
      return denies(request, response);
    };
    await serving(answer, async (origin) => {
      const { code, failed } = await doctor(origin, '--route', '/notes');
      assert.equal(code, 1);
      has(failed.filter((line) => /open to everyone/.test(line)), words);
    });
  }
});

// What BMAuth answers without a session.
const denies = (request, response, to = '/_bmauth/sign-in?return_to=/notes') => {
  if (/navigate/.test(request.headers['sec-fetch-mode'])) return response.writeHead(303, { location: to }).end();
  const problem = JSON.stringify({ type: 'urn:bmauth:problem:sign-in-required', status: 401 });
  return response.writeHead(401, { 'content-type': 'application/problem+json' }).end(problem);
};

test('a service worker that may hide the pages, and one that leaves them out', async () => {
  const scripts = {
    '/sw.js': "e.registerRoute(new e.NavigationRoute(e.createHandlerBoundToURL('index.html')))",
    '/service-worker.js': 'new e.NavigationRoute(shell, { denylist: [/^\\/_bmauth\\//] })',
    '/ngsw-worker.js': "if (request.mode === 'navigate') …",
  };
  let rules = '{"navigationUrls":[]}';
  const answer = (request, response) => {
    const script = scripts[request.url];
    if (request.url === '/ngsw.json') return response.end(rules);
    if (!script) return denies(request, response);
    assert.equal(request.headers['service-worker'], 'script');
    return response.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
  };
  await serving(answer, async (origin) => {
    const { lines } = await doctor(origin, '--route', '/notes');
    has(lines, /^note  GET \/sw\.js for a service worker: the app's worker is open to everyone, answers pages, and does not name _bmauth\./);
    has(lines, /^ok    GET \/service-worker\.js for a service worker: .* seems to leave \/_bmauth\/ to the network$/);
    has(lines, /^note  GET \/ngsw-worker\.js for a service worker: .* does not name _bmauth/);
    has(lines, /^note  \/serviceworker\.js for a service worker: refused, as a proxy in front must/);
    has(lines, /^note  a service worker of another name/);
    rules = String.raw`{"navigationUrls":[{"positive":false,"regex":"^\\/_bmauth\\/.*$"}]}`;
    has((await doctor(origin, '--route', '/notes')).lines, /^ok    GET \/ngsw-worker\.js for a service worker/);
  });
});

test('the host of an app, whose people sign in on another', async () => {
  const page = (response) => response.writeHead(200, { 'content-security-policy': "default-src 'none'" }).end('<a href="/_bmauth/">');
  const keys = (response) => response.end('{"keys":[]}');
  let isOurs = true;
  await serving((_, response) => (isOurs ? page(response) : response.end('Sign in here')), async (at) => {
    const auth = at.replace('localhost', '127.0.0.1');
    const answer = (to) => (request, response) => {
      const [path] = request.url.split('?');
      if (path === '/_bmauth/sign-in') return response.writeHead(303, { location: `${auth}/_bmauth/sign-in?from=x` }).end();
      if (path === '/_bmauth/jwks.json') return keys(response);
      if (/^\/_bmauth/i.test(path)) return response.writeHead(404).end();
      return denies(request, response, to);
    };
    for (const to of ['/_bmauth/sign-in?return_to=/', `${auth}/_bmauth/sign-in?return_to=x`]) {
      isOurs = true;
      await serving(answer(to), async (origin) => {
        const { code, lines, failed } = await doctor(origin);
        assert.deepEqual({ failed, code }, { failed: [], code: 0 });
        has(lines, /^ok    \/_bmauth\/sign-in leads to BMAuth's page at http:\/\/127\.0\.0\.1:\d+$/);
        has(lines, /^ok    GET \/: 303 to sign in$/);
      });
    }
    // A host that only looks like it is believed in nothing.
    isOurs = false;
    await serving(answer(`${auth}/_bmauth/sign-in?return_to=x`), async (origin) => {
      const { code, failed } = await doctor(origin);
      assert.equal(code, 1);
      has(failed, /^FAIL  \/_bmauth\/sign-in leads to http:\/\/127\.0\.0\.1:\d+: 200, not BMAuth's page/);
      has(failed, /^FAIL  GET \/: 303 to .*open to everyone/);
    });
  });
});

test('a header that the app shows, and one that only changes what it answers', async () => {
  const shows = ({ url, headers }, response) => response.end(url === '/open' ? `Hello, ${headers['remote-user']}` : '');
  await serving(shows, async (origin) => {
    const { failed } = await doctor(origin, '--public', '/open');
    has(failed, /\/open and a forged remote-user: it reaches the app: open to everyone/);
    assert.ok(!failed.some((line) => /forged remote-email/.test(line)));
  });
  const changes = ({ headers }, response) => response.writeHead('x.bmauth.jwt' in headers ? 422 : 200).end('Hello');
  await serving(changes, async (origin) => {
    const { failed } = await doctor(origin, '--public', '/open');
    has(failed, /\/open and a forged x\.bmauth\.jwt: 422 instead of 200: it reaches the app, which is open to everyone/);
    assert.ok(!failed.some((line) => /forged x_bmauth_jwt/.test(line)));
  });
  // A proxy that refuses every name with a dot has seen nothing in this one.
  const refuses = ({ rawHeaders }, response) => response.writeHead(rawHeaders.some((name, at) => at % 2 === 0 && name.includes('.')) ? 422 : 200).end();
  await serving(refuses, async (origin) => {
    const { lines } = await doctor(origin, '--public', '/open');
    has(lines, /^ok    \/open and a forged x\.bmauth\.jwt: 422, as for every such name$/);
  });
});

test('an app whose pages differ each time gives a header away only by showing it', async () => {
  let times = 0;
  const answer = ({ headers }, response) => response.end(`${(times += 1)} ${headers['remote-email'] ?? ''}`);
  await serving(answer, async (origin) => {
    const { lines, failed } = await doctor(origin, '--public', '/open');
    has(failed, /\/open and a forged remote-email: it reaches the app/);
    has(lines, /^note  \/open does not answer the same twice/);
    assert.ok(!failed.some((line) => /forged remote-user/.test(line)));
  });
});

test('a site that is not there, or does not speak HTTP, fails the first check', async () => {
  const { code, lines, failed } = await doctor(`http://127.0.0.1:${await freePort()}`);
  assert.equal(code, 1);
  has(failed, /no connection to http:\/\/127\.0\.0\.1/);
  has(lines, /^1 of 1 checks failed/);
});

test('what cannot be asked is refused with a sentence', async () => {
  const moved = (_, response) => response.writeHead(308, { location: 'https://localhost/' }).end();
  const https = await serving(moved, (origin) => doctor(origin));
  assert.equal(https.code, 2);
  assert.match(https.stderr, /redirects to https: ask about https:\/\/localhost/);
  for (const [args, words] of [
    [[], /URL/],
    [['notes.example.com'], /not a URL/],
    [['https://notes.example.com/app'], /--route/],
    [['http://localhost:1', '--route', 'notes'], /begins with \//],
    [['http://localhost:1', '--route', '/a/../b'], /written plainly/],
    [['http://localhost:1', '--header', 'two words'], /not the name of a header/],
    [['http://localhost:1', '--ca', 'package.json'], /no certificate/],
  ]) {
    const { code, stderr } = await doctor(...args);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.match(stderr, words);
  }
});
