// Envoy in front, with the configuration of examples/envoy.
import assert from 'node:assert/strict';
import { openFront } from './harness/forward-auth.js';
import { send } from './harness/loopback.js';

const line = (text, instead = '') => ['envoy.yaml', text, instead];
const EVERYTHING_ELSE = `                        - match: { prefix: / }
                          route: { cluster: app, timeout: 0s }`;
const UNASKED = `${EVERYTHING_ELSE}
                          typed_per_filter_config: *unasked`;
const MUTATIONS = '                early_header_mutation_extensions:';

const scenario = openFront('envoy', [
  {
    what: 'ext_authz is off for the app',
    changes: [line(EVERYTHING_ELSE, UNASKED)],
    says: [/GET \/: 401, not BMAuth's sign-in/, /POST \/notes\/1: 405/, /WebSocket \/notes\/1:/],
  },
  {
    what: 'one route is not asked about',
    changes: [line(EVERYTHING_ELSE, `${UNASKED.replace('prefix: /', 'prefix: /notes/')}\n${EVERYTHING_ELSE}`)],
    says: [/GET \/notes\/1: 401, not BMAuth's sign-in/],
  },
  {
    what: 'an open route is not asked about, and nothing else removes identity headers',
    changes: [
      line('safe_regex: { regex: "x[-_.]bmauth[-_.]jwt|remote[-_.](user|email|name|groups)" }', 'exact: x-nothing'),
      line(EVERYTHING_ELSE, `${UNASKED.replace('prefix: /', 'prefix: /public/')}\n${EVERYTHING_ELSE}`),
    ],
    says: [/\/public\/headers and a forged remote-user: it reaches the app/, /\/public\/headers and a forged x\.bmauth\.jwt: it/],
  },
  {
    what: 'the cookies are not copied',
    open: false,
    changes: [line('                              - { exact: cookie }\n')],
    says: [/\/public\/headers and the session cookie bmauth: it reaches the app/],
  },
  {
    what: 'a denial is answered with 200',
    changes: [line(MUTATIONS, `                local_reply_config:
                  mappers:
                    - filter:
                        status_code_filter: { comparison: { op: LE, value: { default_value: 401, runtime_key: denied } } }
                      status_code: 200
${MUTATIONS}`)],
    says: [/GET \/: 200: open to everyone/, /HEAD \/: 200/],
  },
  {
    what: 'the question can be asked from outside',
    changes: [line('direct_response: { status: 404 }', 'route: { cluster: bmauth }')],
    says: [/forward-auth asked from outside as \/_bmauth\/forward-auth\/public: 200: open to everyone/],
  },
]);

scenario('envoy: with failure_mode_allow every request gets through while the gateway is away', async ({ front, gateway, origin }) => {
  await front.stop();
  await front.run([line('failure_mode_allow: false', 'failure_mode_allow: true')]);
  try {
    await gateway.child.stop();
    assert.equal((await send(origin, '/headers')).status, 200, 'this is what the example must never say');
  } finally {
    await front.stop();
    await gateway.run();
    await front.run();
  }
});
