// oidc-provider as HelseID asks of its clients: client credentials, private_key_jwt, and DPoP with a nonce.
//
//     node server.mjs PORT CLIENTS.json
//
// CLIENTS.json: [{"client_id", "alg", "jwk"}], the public keys of those who may ask.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, file] = process.argv.slice(2);
const clients = JSON.parse(readFileSync(file, 'utf8')).map(({ client_id, alg, jwk }) => ({
  client_id,
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
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:stafett:fhir',
      getResourceServerInfo: () => ({ scope: 'nhn:fhir/all', audience: 'nhn:fhir', accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
    },
  },
  // The organisation is taken out of the assertion, as HelseID does.
  extraTokenClaims: (ctx) => {
    const claims = JSON.parse(Buffer.from(ctx.oidc.body.client_assertion.split('.')[1], 'base64url'));
    return { organisation: claims.assertion_details[0].practitioner_role.organization.identifier.value };
  },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
