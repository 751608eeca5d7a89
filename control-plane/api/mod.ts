/**
 * The control plane's REST API, shaped like the Kubernetes API.
 * Invariants: every call but the health checks bears a token, and one that writes a token that may write; every write is one transaction and leaves an audit record;
 * it reads fleet, graph and traces through the interfaces of `readers.ts`, and writes resources through the store alone.
 */
export { type Access, openAccess } from './access.ts'
export { ADMIN_TOKEN_FILE, loadAdminToken } from './admin-token.ts'
export { type ApiParts, apiRoutes } from './api.ts'
export { readBody } from './body.ts'
export type { MeshInfo } from './info.ts'
export type * from './readers.ts'
export { type ApiServerOptions, apiServer, type TlsIdentity, type TlsSource } from './server.ts'
export type { JoinTokenView, TokenIssuer } from './tokens.ts'
