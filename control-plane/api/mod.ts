/**
 * The control plane's REST API, shaped like the Kubernetes API.
 * Invariants: every call but the health checks bears the token; every write is one transaction and leaves an audit record;
 * it reads fleet, graph and traces through the interfaces of `readers.ts`, and writes resources through the store alone.
 */
export type * from './readers.ts'
