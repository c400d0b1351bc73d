// oidc-provider as people log in at HelseID: code flow with PKCE, private_key_jwt, a pushed request, DPoP for the tokens.
// Its own development pages ask for a name, any password, and consent.
//
//     node login.mjs PORT WORLD.json
//
// WORLD.json: {"clients": [{"client_id", "jwk", "redirect_uri", "pushed"}], "people": {NAME: CLAIMS}}
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, file] = process.argv.slice(2);
const world = JSON.parse(readFileSync(file, 'utf8'));
const claims = [...new Set(Object.values(world.people).flatMap(Object.keys))].filter((name) => name !== 'sub');

const clients = world.clients.map(({ client_id, jwk, redirect_uri, pushed }) => ({
  client_id,
  grant_types: ['authorization_code'],
  response_types: ['code'],
  redirect_uris: [redirect_uri],
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: 'ES256',
  dpop_bound_access_tokens: true,
  require_pushed_authorization_requests: pushed,
  jwks: { keys: [jwk] },
}));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  claims: { openid: ['sub'], profile: claims },
  conformIdTokenClaims: false, // what the scopes give stands in the ID token, as HelseID has it
  cookies: { keys: [randomBytes(16).toString('hex')] },
  enabledJWA: { clientAuthSigningAlgValues: ['ES256'] },
  features: {
    devInteractions: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    pushedAuthorizationRequests: { enabled: true },
  },
  findAccount: (ctx, name) => ({ accountId: name, claims: () => ({ sub: name, ...world.people[name] }) }),
  pkce: { required: () => true },
  renderError: (ctx, out) => { ctx.body = out; }, // as data: error and error_description
});

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
