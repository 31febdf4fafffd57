// nginx in front, with the configuration of examples/nginx.
import { openFront } from './harness/forward-auth.js';

const line = (text, instead = '') => ['bmauth.conf', text, instead];

openFront('nginx', [
  {
    what: 'auth_request is missing',
    changes: [line('    auth_request /_bmauth/forward-auth;\n')],
    says: [/GET \/: 401, not BMAuth's sign-in/, /POST \/notes\/1: 405/, /WebSocket \/notes\/1:/],
  },
  {
    what: 'one location is not asked about',
    changes: [line('    location / {', '    location /notes/ { auth_request off; proxy_pass http://app; }\n    location / {')],
    says: [/GET \/notes\/1: 401, not BMAuth's sign-in/, /GET \/notes\/1 with a made-up session cookie: 401/],
  },
  {
    what: 'style sheets are not asked about',
    changes: [line('    location / {', '    location ~ \\.css$ { auth_request off; proxy_pass http://app; }\n    location / {')],
    says: [/GET \/notes\/1\/doctor-[\w-]+\.css, which does not exist: 404, not BMAuth's sign-in/],
  },
  {
    what: 'an identity header is not written over',
    changes: [line('    proxy_set_header Remote-User $bmauth_user;\n')],
    says: [/\/public\/headers and a forged remote-user: it reaches the app/],
  },
  {
    what: 'a location has headers of its own, so that it inherits none',
    changes: [line('        proxy_read_timeout 1h;', '        proxy_set_header X-Mine 1;')],
    says: [
      /\/public\/headers and a forged x-bmauth-jwt: it reaches the app/,
      /\/optional and a forged x-bmauth-jwt: 401 instead of 200: it reaches the app/,
      /\/public\/headers and the session cookie bmauth: it reaches the app/,
    ],
  },
  {
    what: 'its error page answers 200',
    changes: [line(
        '    error_page 401 = @bmauth_denied;',
        '    error_page 401 =200 /login.html;\n    location = /login.html { auth_request off; return 200 "Please sign in"; }',
      )],
    says: [/GET \/: 200: open to everyone/, /HEAD \/: 200/],
  },
  {
    what: 'the question can be asked from outside',
    changes: [
      line('        internal;\n'),
      line('        proxy_set_header X-Original-Method $request_method;\n'),
      line('        proxy_set_header X-Original-URL $scheme://$http_host$request_uri;\n'),
    ],
    says: [/forward-auth asked from outside with X-Original-URL and -Method: 200: open to everyone/],
  },
  {
    what: 'this machine is let in unasked, and any client may say that it is this machine',
    changes: [
      line('    error_page 401', '    satisfy any; allow 127.0.0.1; deny all; set_real_ip_from 127.0.0.0/8; real_ip_header X-Real-IP;\n    error_page 401'),
    ],
    says: [/GET \/ with forged X-Forwarded-For, X-Real-IP and Forwarded from this machine: 401, not in BMAuth's words/],
  },
]);
