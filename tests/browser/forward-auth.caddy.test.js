// Caddy in front, with the configuration of examples/caddy.
import { openFront } from './harness/forward-auth.js';

const line = (text, instead = '') => ['Caddyfile', text, instead];
const ASK = '		forward_auth 127.0.0.1:8081 {';

openFront('caddy', [
  {
    what: 'forward_auth is missing',
    changes: [line(ASK, '		@never path /never\n		forward_auth @never 127.0.0.1:8081 {')],
    says: [/GET \/: 401, not BMAuth's sign-in/, /POST \/notes\/1: 405/, /WebSocket \/notes\/1:/],
  },
  {
    what: 'only GET is asked about',
    changes: [line(ASK, '		@get method GET\n		forward_auth @get 127.0.0.1:8081 {')],
    says: [/HEAD \/: 405/, /POST \/: 405/, /OPTIONS \/: 405/],
  },
  {
    what: 'an identity header is neither removed nor copied',
    changes: [line('		request_header -Remote*\n'), line('Remote-User ')],
    says: [/\/public\/headers and a forged remote-user: it reaches the app/],
  },
  {
    what: 'the cookies are not copied',
    open: false,
    changes: [line('Remote-Groups Cookie', 'Remote-Groups')],
    says: [/\/public\/headers and the session cookie bmauth: it reaches the app/],
  },
  {
    what: 'a denial is answered with 200',
    changes: [line(ASK, `${ASK}\n			@denied status 3xx 401 403\n			handle_response @denied {\n				respond "Please sign in" 200\n			}`)],
    says: [/GET \/: 200: open to everyone/, /HEAD \/: 200/],
  },
  {
    what: 'the question can be asked from outside',
    changes: [line('		respond @question 404\n')],
    says: [/forward-auth asked from outside with X-Forwarded-Method, -Proto, -Host and -Uri: 200: open to everyone/],
  },
]);
