// An app whose service worker answers every page from what it has kept, as Workbox's NavigationRoute with navigateFallback
// does: GET navigations alone, whatever their address. When the session has ended it makes way, and what it kept is gone.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after } from 'node:test';
import { address, openWorld } from './harness/world.js';

const worker = ({ shell, denylist }) => `
const SHELL = '${shell}';
const DENYLIST = ${denylist};
addEventListener('install', (event) => {
  skipWaiting();
  event.waitUntil(caches.open('precache').then((cache) => cache.add(SHELL)));
});
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  const { mode, method, url } = event.request;
  const { pathname, search } = new URL(url);
  const isLeftOut = DENYLIST.some((pattern) => pattern.test(pathname + search));
  if (mode === 'navigate' && method === 'GET' && !isLeftOut) event.respondWith(caches.match(SHELL));
});
`;
const SECRET = 'The secret notes of the signed-in person';
const page = (title, script = '') => `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1>${script}`;
const registering = (script) => `<script>navigator.serviceWorker.register('${script}', { scope: '/' })</script>`;

// Where a worker lies, the page that registers it and that it keeps, and what it leaves to the network. The script of the
// second is public; the third has the line of docs/service-workers.md.
const WORKERS = {
  '/pwa/static/sw.js': { shell: '/pwa/', denylist: '[]' },
  '/open/sw.js': { shell: '/pwa/open', denylist: '[]' },
  '/pwa/polite/sw.js': { shell: '/pwa/polite', denylist: String.raw`[/^\/_bmauth\//]` },
};
const app = http.createServer(({ url }, response) => {
  const type = url in WORKERS ? 'text/javascript' : 'text/html';
  response.writeHead(200, { 'content-type': type, 'service-worker-allowed': '/' });
  const [script] = Object.entries(WORKERS).find(([, { shell }]) => shell === url) ?? ['/pwa/static/sw.js'];
  if (url in WORKERS) response.end(worker(WORKERS[url]));
  else if (url === '/landing') response.end(page('Landing'));
  else response.end(page(SECRET, registering(script)));
});
await new Promise((resolve) => app.listen(0, '127.0.0.1', resolve));
after(() => {
  app.closeAllConnections();
  app.close();
});

const upstream = `upstream = ["http://127.0.0.1:${app.address().port}"]`;
const scenario = openWorld({
  routes: `
[[route]]
path = "/pwa"
${upstream}

[[route]]
path = "/landing"
access = "public"
${upstream}

[[route]]
path = "/open"
access = "public"
${upstream}
`,
});

// A signed-in person, every page of whose is answered by the app's worker, and who has something that was not sent yet.
async function kept(enter, path = '/pwa/') {
  const maria = await enter();
  const email = address();
  await maria.register(email, path);
  await maria.page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated');
  await maria.page.evaluate(() => new Promise((resolve, reject) => {
    const request = indexedDB.open('drafts');
    request.onupgradeneeded = () => request.result.createObjectStore('drafts').put('not sent', 1);
    request.onsuccess = () => resolve(request.result.close());
    request.onerror = reject;
  }));
  await maria.goto('/pwa/notes/7?x=1#part');
  await maria.heading(SECRET);
  return { maria, email };
}

// Without going to a page, which a worker would answer.
const end = async (gateway, email) => {
  const { code, stderr } = await gateway.command('sessions', 'end', '--user', email);
  assert.equal(code, 0, stderr);
};

const left = (page) => page.evaluate(async () => ({
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  caches: await caches.keys(),
  databases: (await indexedDB.databases()).map(({ name }) => name),
}));

scenario('the worker of an app hides no sign-in for longer than the session', async ({ enter, gateway }) => {
  const { maria, email } = await kept(enter);
  // With a session, the worker is the app's own, also when the browser looks for a newer one.
  await maria.page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  await maria.page.reload();
  await maria.heading(SECRET);
  await end(gateway, email);
  const other = await maria.context.newPage();
  await other.goto(`${maria.world.origin}/pwa/other`);
  // The worker may still have answered this once; then the browser has asked for it, and what it was given makes way.
  await maria.page.reload();
  await maria.heading('Sign in');
  await other.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
  assert.deepEqual(await left(maria.page), { workers: 0, caches: [], databases: ['drafts'] });
  await other.close();
  assert.equal(new URL(maria.page.url()).hash, '#part');
  await maria.email.fill(email);
  await maria.device.touched(async () => {
    await maria.button('Continue').click();
    await maria.page.waitForURL((url) => url.pathname + url.search === '/pwa/notes/7?x=1');
  });
  // The app has its worker again.
  await maria.page.waitForFunction(() => navigator.serviceWorker.controller);
});

scenario('after signing out nothing is left of what the worker kept', async ({ enter }) => {
  const hidden = await kept(enter);
  await hidden.maria.goto('/_bmauth/sign-out');
  await hidden.maria.heading(SECRET);
  // A worker that leaves the gateway's addresses to the network.
  const { maria } = await kept(enter, '/pwa/polite');
  assert.deepEqual(await left(maria.page), { workers: 1, caches: ['precache'], databases: ['drafts'] });
  await maria.goto('/_bmauth/sign-out');
  await maria.reads('This also removes what the app keeps in this browser');
  await maria.button('Sign out').click();
  await maria.heading(/^You.re signed out$/);
  assert.deepEqual(await left(maria.page), { workers: 0, caches: [], databases: [] });
  await maria.goto('/pwa/notes/7');
  await maria.heading('Sign in');
});

scenario('a public page whose worker makes way loads itself once', async ({ enter, gateway }) => {
  const { maria, email } = await kept(enter);
  await end(gateway, email);
  let loads = 0;
  const landing = await maria.context.newPage();
  landing.on('domcontentloaded', () => (loads += 1));
  await landing.goto(`${maria.world.origin}/landing`);
  await landing.getByRole('heading', { name: 'Landing' }).waitFor();
  const before = loads;
  // A page that asks for the same worker again gets one that ends, and takes nothing with it.
  await landing.evaluate(async () => {
    const registration = await navigator.serviceWorker.register('/pwa/static/sw.js', { scope: '/' });
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    const isOver = () => worker.state === 'activated' || worker.state === 'redundant';
    if (!isOver()) await new Promise((resolve) => worker.addEventListener('statechange', () => isOver() && resolve()));
  });
  await landing.waitForFunction(async () => (await navigator.serviceWorker.getRegistrations()).length === 0);
  assert.equal(loads, before);
  assert.equal(new URL(landing.url()).pathname, '/landing');
});

scenario('a worker whose script is public stays, and goes on hiding pages', async ({ enter, gateway }) => {
  const { maria, email } = await kept(enter, '/pwa/open');
  await end(gateway, email);
  await maria.page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  await maria.page.reload();
  await maria.heading(SECRET);
});
