// oidc-provider as HelseID asks of its clients: client credentials, private_key_jwt, and DPoP with a nonce.
//
//     node server.mjs PORT CLIENTS.json
//
// CLIENTS.json: [{"client_id", "alg", "jwk" or "jwks"}], the public keys of those who may ask; read anew for every request, so that
// keys can be registered and taken away while it runs.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, file] = process.argv.slice(2);

const registered = ({ client_id, alg, jwk, jwks }) => ({
  client_id,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  token_endpoint_auth_method: 'private_key_jwt',
  ...(alg && { token_endpoint_auth_signing_alg: alg }),
  dpop_bound_access_tokens: true,
  jwks: { keys: jwks ?? [jwk] },
});

const kept = new Map(); // what it has given out, and the assertions and proofs that it has seen

class Adapter {
  constructor(model) {
    this.model = model;
  }

  async find(id) {
    if (this.model === 'Client') {
      const client = JSON.parse(readFileSync(file, 'utf8')).find(({ client_id }) => client_id === id);
      return client && registered(client);
    }
    return kept.get(`${this.model}|${id}`);
  }

  async upsert(id, payload) {
    kept.set(`${this.model}|${id}`, payload);
  }
}

const claimsOf = (part) => JSON.parse(Buffer.from(part, 'base64url'));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Adapter,
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
  // The organisation is taken out of the assertion, as HelseID does; the key's name, for whoever wants to know which was used.
  extraTokenClaims: (ctx) => {
    const [header, claims] = ctx.oidc.body.client_assertion.split('.').map((part, i) => i < 2 && claimsOf(part));
    const details = claims.assertion_details ?? claims.authorization_details;
    return { organisation: details?.[0].practitioner_role.organization.identifier.value ?? '', signed_with: header.kid };
  },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('listening'));
