// Who is signed in: verifies the header that BMAuth puts on every request it lets through. Copy this file.
//
// BMAUTH_URL says whom to trust: the gateway's public_url. BMAUTH_AUDIENCE is the host of the app's route, where that is
// another one; BMAUTH_JWKS_URL is where the keys are, if the app does not reach the gateway by BMAUTH_URL.
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

const HEADER = 'x-bmauth-jwt';
// What jose says of a token that does not hold. Anything else is a fault of the way to the keys.
const OF_THE_TOKEN = [
  errors.JWTClaimValidationFailed, errors.JWTExpired, errors.JWTInvalid, errors.JWSInvalid, errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported, errors.JWSSignatureVerificationFailed, errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys,
];

// The gateway's origin. `http://` is for this machine alone.
function origin(text) {
  const url = URL.canParse(text ?? '') ? new URL(text) : undefined;
  const local = url && /^(127\.\d+\.\d+\.\d+|\[::1\]|([^.]+\.)*localhost)$/.test(url.hostname);
  const plain = url && url.pathname === '/' && !/[?#@]/.test(text) && (url.protocol === 'https:' || (url.protocol === 'http:' && local));
  if (!plain) throw new Error('BMAUTH_URL has to say where people sign in, like BMAUTH_URL=https://notes.example.com');
  return url;
}

// Middleware: `request.user` is the claims of the visitor, or null. An invalid token is answered with 401.
export function bmauth(env = process.env) {
  const url = origin(env.BMAUTH_URL);
  const keys = createRemoteJWKSet(new URL(env.BMAUTH_JWKS_URL || `${url.origin}/_bmauth/jwks.json`));
  const expected = {
    issuer: url.origin,
    audience: env.BMAUTH_AUDIENCE || url.hostname,
    algorithms: ['ES256', 'EdDSA'],
    requiredClaims: ['iss', 'aud', 'sub', 'iat', 'nbf', 'exp'],
    clockTolerance: 30, // seconds that this machine's clock may be wrong
  };
  return async (request, response, next) => {
    const tokens = request.headersDistinct[HEADER] ?? [];
    request.user = null;
    // A proxy that copies BMAuth's answer may send an empty header if the visitor is not signed in.
    if (tokens.length === 0 || (tokens.length === 1 && tokens[0] === '')) return next();
    try {
      if (tokens.length > 1) throw new errors.JWTInvalid('it came more than once');
      request.user = (await jwtVerify(tokens[0], keys, expected)).payload;
    } catch (error) {
      // The token itself is never written to the log: it may still open something.
      if (OF_THE_TOKEN.some((kind) => error instanceof kind)) {
        console.warn(`${HEADER} was refused: ${error.message}`);
        return response.status(401).type('text').send('The identity header is not valid\n');
      }
      console.error(`The gateway's keys cannot be fetched: ${error.message}`);
      return response.status(503).type('text').send("The gateway's keys cannot be fetched\n");
    }
    next();
  };
}

// For those who are signed in, and in one of the groups where some are named.
export const signedIn = (...groups) => (request, response, next) => {
  if (!request.user) return response.status(401).type('text').send('Sign in first\n');
  const theirs = Array.isArray(request.user.groups) ? request.user.groups : [];
  if (groups.length > 0 && !groups.some((group) => theirs.includes(group))) {
    return response.status(403).type('text').send(`Only members of ${groups.join(' or ')} may do this\n`);
  }
  next();
};
