// oidc-provider as HelseID gives tokens for this service: two spellings of the organisation in the assertion, a nonce for every
// proof, PS256, `nbf`, scopes as a list, and the organisation's numbers under HelseID's names.
//
//     node helseid.mjs PORT CLIENTS.json
//
// CLIENTS.json: [{"client_id", "alg", "jwk", "scope", "organisations": ["PARENT:CHILD"]}], who may ask, for what and for whom.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Provider, errors } from 'oidc-provider';

const [port, file] = process.argv.slice(2);
const world = JSON.parse(readFileSync(file, 'utf8'));
const allowed = Object.fromEntries(world.map(({ client_id, organisations }) => [client_id, organisations]));
const scopes = [...new Set(world.flatMap(({ scope }) => scope.split(' ')))].join(' ');
const signing = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', kid: 'sts-1' };

const clients = world.map(({ client_id, alg, jwk, scope }) => ({
  client_id,
  scope,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'private_key_jwt',
  token_endpoint_auth_signing_alg: alg,
  dpop_bound_access_tokens: true,
  jwks: { keys: [jwk] },
}));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: [signing] },
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256'] },
  scopes: scopes.split(' '),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:nhn:pakkeforlop',
      getResourceServerInfo: () => ({
        scope: scopes,
        audience: 'nhn:pakkeforlop',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'PS256' } },
      }),
    },
  },
  formats: {
    customizers: {
      jwt: (ctx, token, { payload }) => {
        payload.nbf = payload.iat;
        payload.scope = payload.scope.split(' ');
      },
    },
  },
  // Only for an organisation that the client is registered for.
  extraTokenClaims: (ctx) => {
    const claims = JSON.parse(Buffer.from(ctx.oidc.body.client_assertion.split('.')[1], 'base64url'));
    const [details] = claims.assertion_details ?? claims.authorization_details;
    const [, parent, child] = details.practitioner_role.organization.identifier.value.match(/^NO:ORGNR:(\d{9}):(\d{9})?$/);
    if (!allowed[ctx.oidc.client.clientId].includes(`${parent}:${child ?? ''}`)) {
      throw new errors.InvalidClient('another organisation');
    }
    const name = 'helseid://claims/client/claims/orgnr_';
    return { [`${name}parent`]: parent, ...(child && { [`${name}child`]: child }) };
  },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
