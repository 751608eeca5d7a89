/** The two topologies. `h1`: one plaintext hop. `mtls`: two proxies with mutual TLS 1.3 between them. */
export const CASES = ['h1', 'mtls'] as const
export type Case = (typeof CASES)[number]

/** The name that the load generator asks for: a Service to Selvedge, merely a `Host` to the others. */
export const SERVICE_NAME = 'echo'
export const NAMESPACE = 'bench'
export const SERVICE_HOST = `${SERVICE_NAME}.${NAMESPACE}`

/** A core for what is measured, and another for all that measures: they must not take each other's time. */
export const PROXY_CORE = 0
export const LOAD_CORE = 1
