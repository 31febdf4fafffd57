// The FastAPI examples, in the environment that scripts/setup made.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from './child.js';
import { send } from './loopback.js';

export const directoryOf = (example) => fileURLToPath(new URL(`../../../examples/${example}/`, import.meta.url));

export const python = path.join(directoryOf('fastapi'), '.venv/bin/python');

// `url` is the gateway's public_url; what the app is told besides, it needs where that is not enough.
// `fastapi-by-hand` is the example without the package.
export async function runApp({ example = 'fastapi', port, url, audience, jwksUrl, env = {} }) {
  const child = new Child(
    `the example ${example}`,
    python,
    ['-m', 'uvicorn', 'app:app', '--host', '127.0.0.1', '--port', String(port), '--timeout-graceful-shutdown', '1'],
    {
      cwd: directoryOf(example),
      env: {
        BMAUTH_URL: url,
        ...(audience ? { BMAUTH_AUDIENCE: audience } : {}),
        ...(jwksUrl ? { BMAUTH_JWKS_URL: jwksUrl } : {}),
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONUNBUFFERED: '1',
        ...env,
      },
    },
  );
  const origin = `http://127.0.0.1:${port}`;
  await child.until(async () => (await send(origin, '/public')).status === 200);
  return { origin, child, stop: () => child.stop() };
}
