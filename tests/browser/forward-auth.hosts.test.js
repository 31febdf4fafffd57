// Several hosts with nginx, Caddy, Traefik and Envoy in front, by the configurations of examples/: pages on a host of their
// own, an app on each of the others. What docs/forward-auth.md says of several hosts is what is changed here.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { goes, isAt, openHostedApp, signsIn, told } from './harness/hosted-app.js';
import { send } from './harness/loopback.js';
import { address, openWorld } from './harness/world.js';

const app = await openHostedApp();
after(() => app.close());

const [HOME, WIKI, FILES] = ['auth.localhost', 'wiki.localhost', 'files.localhost'];
const scenario = openWorld({
  hosts: {
    home: HOME,
    others: [WIKI, FILES],
    appPort: app.port,
    changes: [
      ['bmauth.toml', 'http://localhost:8080', `http://${HOME}:8080`],
      ['bmauth.toml', '[[route]]\n', `[[route]]\nhost = "${WIKI}"\n`],
      ['bmauth.toml', '# The proxy forwards', `[[route]]\nhost = "${FILES}"\npath = "/"\n\n# The proxy forwards`],
    ],
  },
});

const FRONTS = {
  nginx: [
    ['bmauth.conf', 'server_name localhost;', `server_name ${WIKI} ${FILES};`],
    ['bmauth.conf', '# Any other Host.', `server {
    listen 127.0.0.1:8080;
    server_name ${HOME};

    location / {
        proxy_pass http://bmauth;
        proxy_http_version 1.1;
        proxy_buffering off;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
    location ^~ /_bmauth/forward-auth {
        return 404;
    }
}

# Any other Host.`],
  ],
  caddy: [
    ['Caddyfile', 'http://localhost:8080 {', `http://${HOME}:8080 {
	bind 127.0.0.1
	route {
		@question path /_bmauth/forward-auth /_bmauth/forward-auth/*
		respond @question 404
		reverse_proxy 127.0.0.1:8081
	}
}

http://${WIKI}:8080, http://${FILES}:8080 {`],
  ],
  traefik: [
    ['dynamic.yml', 'rule: Host(`localhost`)\n', `rule: Host(\`${WIKI}\`) || Host(\`${FILES}\`)\n`],
    ['dynamic.yml', 'Host(`localhost`)', `(Host(\`${HOME}\`) || Host(\`${WIKI}\`) || Host(\`${FILES}\`))`],
    ['dynamic.yml', '    # Everything else.', `    home:
      rule: Host(\`${HOME}\`)
      priority: 200
      service: bmauth

    # Everything else.`],
  ],
  envoy: [
    ['envoy.yaml', '["localhost", "localhost:8080"]', `["${WIKI}", "${WIKI}:8080", "${FILES}", "${FILES}:8080"]`],
    ['envoy.yaml', '                          route: { cluster: app, timeout: 0s }\n', `                          route: { cluster: app, timeout: 0s }
                    - name: home
                      domains: ["${HOME}", "${HOME}:8080"]
                      routes:
                        - match: { prefix: /_bmauth/forward-auth }
                          direct_response: { status: 404 }
                          typed_per_filter_config: *unasked
                        - match: { prefix: / }
                          route: { cluster: bmauth, timeout: 0s }
                          typed_per_filter_config: *unasked
`],
  ],
};

for (const [name, changes] of Object.entries(FRONTS)) {
  scenario(`${name}: one sign-in for several hosts`, async ({ world, enter, gateway }) => {
    const [home, wiki, files] = world.origins;
    await world.standBehind(name, changes);
    const { keys } = JSON.parse((await send(gateway.admin, '/jwks.json')).text);
    const maria = await enter();
    const email = address();
    await maria.register(email, `${wiki}/page?x=1`);
    await isAt(maria, `${wiki}/page?x=1`);
    await goes(maria, `${files}/deep/er?y=2#there`);
    const said = await told(maria.page, keys);
    assert.deepEqual(
      [said.url, said.email, said.claims.email, said.claims.aud, said.claims.iss],
      ['/deep/er?y=2', email, email, FILES, home],
    );
    assert.ok(!said.cookie, said.cookie);
    await goes(maria, `${wiki}/`);

    // Out at one is out at the other.
    await maria.goto(`${files}/_bmauth/sign-out`);
    await maria.button('Sign out').click();
    await maria.heading(/^You.re signed out$/);
    assert.equal(maria.page.url(), `${files}/_bmauth/signed-out`);
    await maria.goto(`${wiki}/page`);
    await signsIn(maria, email, `${wiki}/page`);

    // A script is told where people sign in, and its browser is handed back from there.
    const visitor = await enter({ passkeys: await maria.device.passkeys() });
    await visitor.goto(`${wiki}/public`);
    const [status, problem] = await visitor.page.evaluate(async () => {
      const answer = await fetch('/api/x');
      return [answer.status, await answer.json()];
    });
    assert.equal(status, 401);
    assert.equal(problem.type, 'urn:bmauth:problem:sign-in-required');
    const signInUrl = new URL(problem.sign_in_url);
    assert.equal(signInUrl.origin + signInUrl.pathname, `${home}/_bmauth/sign-in`);
    assert.equal(signInUrl.searchParams.get('return_to'), `${wiki}/public`);
    const posts = [];
    visitor.page.on('request', (request) => {
      if (request.method() === 'POST' && request.url() === `${wiki}/_bmauth/hand-off`) posts.push(request.url());
    });
    await visitor.goto(problem.sign_in_url);
    await signsIn(visitor, email, `${wiki}/public`);
    assert.equal(posts.length, 1, 'the state did not get through');

    // Nothing is open that was not.
    for (const origin of [home, wiki, files]) {
      for (const path of ['/_bmauth/forward-auth', '/_bmauth/forward-auth/public']) {
        assert.ok([404, 418].includes((await send(origin, path)).status), origin + path);
      }
    }
    for (const origin of [wiki, files]) {
      const { status } = await send(origin, '/page', { headers: ['Accept', 'application/json'] });
      assert.equal(status, 401, origin);
    }
    const front = await send(home, '/page', { headers: ['Accept', 'text/html'] });
    assert.ok(!front.text.includes('<pre>'), 'the app answers where people sign in');
  });
}
