// An authorization server over HTTPS on loopback, for tests: oidc-provider with a login page of its own.
// Its one argument is a file that says who may log in where. POST /test/rotate signs with a new key from
// then on, POST /test/withdraw takes the old ones out of the published set.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { Provider, interactionPolicy } from 'oidc-provider';

const wish = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { user } = wish;

const newKey = () => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  kid: randomUUID(), use: 'sig', alg: 'ES256',
});
let keys = [newKey()];

// Apps of one's own house need no consent; without this, one that is native is asked for it each time.
const policy = interactionPolicy.base();
policy.get('consent').checks.clear();

const audience = (client) => wish.apps.find((app) => app.client_id === client.clientId).audience;
const resource = (client) => `urn:test:${audience(client)}`;

const configuration = () => ({
  jwks: { keys },
  clients: wish.apps.map(({ client_id }) => ({
    client_id,
    token_endpoint_auth_method: 'none',
    redirect_uris: [wish.redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'openid access',
    id_token_signed_response_alg: 'ES256',
  })),
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  clientAuthMethods: ['none'],
  cookies: { keys: [wish.cookie_key] },
  scopes: ['openid', 'access'],
  claims: { openid: ['sub'], acr: null, auth_time: null },
  acrValues: ['1'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  ttl: {
    AccessToken: wish.access_token_ttl, AuthorizationCode: 60, Grant: 3600, IdToken: 300,
    Interaction: 600, RefreshToken: 3600, Session: 3600,
  },
  features: {
    devInteractions: { enabled: false },
    // Only with a resource are access tokens JWTs (RFC 9068): here each app has one.
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      defaultResource: (_context, client) => resource(client),
      getResourceServerInfo: (_context, _resource, client) => ({
        scope: 'access',
        audience: audience(client),
        accessTokenFormat: 'jwt',
        accessTokenTTL: wish.access_token_ttl,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  findAccount: (_context, id) => (id === user.sub
    ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
  // How and when the user logged in: RFC 9068, section 2.2.1.
  extraTokenClaims: ({ oidc: { entities } }) => {
    const { acr, authTime } = entities.AuthorizationCode ?? entities.RefreshToken;
    return { acr, auth_time: authTime };
  },
  loadExistingGrant: async ({ oidc: { client, provider, session } }) => {
    const { clientId } = client;
    const grant = new provider.Grant({ clientId, accountId: session.accountId });
    grant.addOIDCScope('openid access');
    grant.addResourceScope(resource(client), 'access');
    await grant.save();
    return grant;
  },
  interactions: { policy, url: (_context, { uid }) => `/login/${uid}` },
});

// Codes, sessions and tokens are kept outside a provider, so they outlive it.
let provider;
let serve;
const publish = () => {
  provider = new Provider(wish.issuer, configuration());
  serve = provider.callback();
};
publish();

const page = (uid) => `<!doctype html><title>Sign in</title><form method="post" action="/login/${uid}">
<input name="username"><input name="password" type="password"><button>Sign in</button></form>`;

async function form(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

async function login(request, response) {
  const { uid } = await provider.interactionDetails(request, response);
  const filled = request.method === 'POST' ? await form(request) : new URLSearchParams();
  if (filled.get('username') === user.username && filled.get('password') === user.password) {
    const result = { login: { accountId: user.sub, acr: '1' } };
    await provider.interactionFinished(request, response, result);
    return;
  }
  response.setHeader('content-type', 'text/html');
  response.end(page(uid));
}

async function handle(request, response) {
  const rotated = { '/test/rotate': () => [newKey(), ...keys], '/test/withdraw': () => keys.slice(0, 1) };
  if (request.method === 'POST' && request.url in rotated) {
    keys = rotated[request.url]();
    publish();
    response.end();
  } else if (request.url.startsWith('/login/')) {
    await login(request, response);
  } else {
    serve(request, response);
  }
}

const identity = { cert: readFileSync(wish.certificate), key: readFileSync(wish.private_key) };
https.createServer(identity, (request, response) => {
  handle(request, response).catch((error) => {
    console.error(error);
    response.statusCode = 500;
    response.end();
  });
}).listen(wish.port, '127.0.0.1');
