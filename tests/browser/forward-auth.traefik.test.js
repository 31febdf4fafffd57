// Traefik in front, with the configuration of examples/traefik.
import { openFront } from './harness/forward-auth.js';

const line = (text, instead = '') => ['dynamic.yml', text, instead];
const COPIED = '(?i)^(x[-_.]bmauth[-_.]jwt|remote[-_.].+|cookie|authorization|';
const MIDDLEWARES = '  middlewares:\n';

openFront('traefik', [
  {
    what: 'the middleware is missing',
    changes: [line('      middlewares: [bmauth]\n')],
    says: [/GET \/: 401, not BMAuth's sign-in/, /POST \/notes\/1: 405/, /WebSocket \/notes\/1:/],
  },
  {
    what: 'another router of the app is not asked about',
    changes: [line('    # Everything else.', '    notes:\n      rule: Host(`localhost`) && PathPrefix(`/notes`)\n      priority: 150\n      service: app\n    # Everything else.')],
    says: [/GET \/notes\/1: 401, not BMAuth's sign-in/],
  },
  {
    what: 'identity headers are neither removed nor copied',
    changes: [line(COPIED, '(?i)^(x[-_.]bmauth[-_.]jwt|cookie|')],
    says: [/\/public\/headers and a forged remote-user: it reaches the app/, /\/public\/headers and a forged remote-groups: it reaches/],
  },
  {
    what: 'the cookies are not copied',
    open: false,
    changes: [line(COPIED, COPIED.replace('|cookie|', '|'))],
    says: [/\/public\/headers and the session cookie bmauth: it reaches the app/],
  },
  {
    what: 'a denial is answered with 200',
    changes: [
      line('middlewares: [bmauth]', 'middlewares: [kind, bmauth]'),
      line(MIDDLEWARES, `${MIDDLEWARES}    kind:\n      errors:\n        status: ["300-403"]\n        statusRewrites: { "300-403": 200 }\n        service: app\n        query: /public\n`),
    ],
    says: [/GET \/: 200: open to everyone/, /HEAD \/: 200/],
  },
  {
    what: 'any client may say which address is asked about',
    changes: [
      line('trustForwardHeader: false', 'trustForwardHeader: true'),
      ['traefik.yml', '    http:\n', '    forwardedHeaders: { insecure: true }\n    http:\n'],
    ],
    says: [/GET \/notes\/1 with forged X-Forwarded-Uri: 401, not in BMAuth's words/],
  },
  {
    what: 'the question can be asked from outside',
    changes: [line('      service: noop@internal', '      service: bmauth')],
    says: [/forward-auth asked from outside with X-Original-URL and -Method: 200: open to everyone/],
  },
]);
