// A small Express app behind BMAuth. It has no sign-in of its own: bmauth.js tells it who is there.
import express from 'express';
import { bmauth, signedIn } from './bmauth.js';

const app = express();
app.disable('x-powered-by');
app.use(bmauth());

app.get('/', signedIn(), (request, response) => response.type('text').send(`Hello, ${request.user.email}`));
app.get('/api/me', signedIn(), (request, response) => response.json(request.user));
app.get('/staff', signedIn('staff'), (_, response) => response.type('text').send('Hello, staff'));
app.get('/optional', (request, response) => response.type('text').send(`Hello, ${request.user?.email ?? 'guest'}`));

// On loopback, so that only the gateway reaches it.
app.listen(process.env.PORT ?? 8000, '127.0.0.1');
