// An OpenID Connect provider on loopback for the tests, with the pages of its development mode for people,
// and a small API that takes its tokens. Usage: node server.mjs '{"accessTtl": 300, "redirects": ["http://..."]}'
// It listens on a free port, says on the first line of its output which, and ends when its input does.
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const options = { accessTtl: 300, refreshTtl: 86400, redirects: [], ...JSON.parse(process.argv[2] ?? '{}') }
const server = createServer()
await new Promise(done => server.listen(0, '127.0.0.1', done))
const issuer = `http://127.0.0.1:${server.address().port}`

const client = (id, more) => ({
  client_id: id,
  application_type: 'native', // a loopback redirect is then good with any port
  redirect_uris: options.redirects,
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  ...more,
})
const machine = (id, more) => client(id, {
  application_type: 'web', redirect_uris: [], response_types: [], grant_types: ['client_credentials'],
  scope: 'orders:read', ...more,
})
const provider = new Provider(issuer, {
  clients: [
    client('app-basic', { client_secret: 'Sesame+/=&%:51', token_endpoint_auth_method: 'client_secret_basic' }),
    client('app-post', { client_secret: 'Sesame-post-52', token_endpoint_auth_method: 'client_secret_post' }),
    client('app-public', { token_endpoint_auth_method: 'none' }),
    machine('machine-basic', { client_secret: 'Sesame+/=&%:53' }),
    machine('machine-post', { client_secret: 'Sesame-post-54', token_endpoint_auth_method: 'client_secret_post' }),
    ...(options.jwks ? [machine('machine-key', { token_endpoint_auth_method: 'private_key_jwt', jwks: options.jwks })] : []),
  ],
  scopes: ['openid', 'offline_access', 'orders:read'],
  pkce: { required: () => true },
  rotateRefreshToken: true,
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'PS256', 'ES256'] },
  issueRefreshToken: (ctx, one, code) => one.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  ttl: {
    AccessToken: options.accessTtl, ClientCredentials: options.accessTtl, RefreshToken: options.refreshTtl,
    AuthorizationCode: 60, Interaction: 600, Session: 86400, Grant: 86400, IdToken: 300,
  },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: { enabled: false },
  },
  cookies: { keys: ['of the tests'] },
})

async function api (request, response) {
  const send = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '')
  const found = await provider.AccessToken.find(token) ?? await provider.ClientCredentials.find(token)
  if (!found?.isValid) return send(401, { error: 'invalid_token' })
  if (request.url === '/api/me') return send(200, { client: found.clientId, account: found.accountId ?? null })
  if (!found.scopes.has('orders:read')) return send(403, { error: 'insufficient_scope' })
  send(200, { data: [{ id: 1, number: 'PO-1' }, { id: 2, number: 'PO-2' }] })
}

const pages = provider.callback()
server.on('request', (request, response) =>
  request.url.startsWith('/api/') ? api(request, response) : pages(request, response))
console.log(issuer)
process.stdin.on('end', () => process.exit(0)).resume()
