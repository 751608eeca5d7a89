import { type JsonObject, objectsAt } from './json.ts'
import { OUTBOUND_PORT } from './names.ts'

const PROXY = `http://127.0.0.1:${OUTBOUND_PORT}`
/** What must not go through the sidecar: the pod itself. */
const NO_PROXY = '127.0.0.1,localhost,::1'

const VARIABLES: Readonly<Record<string, string>> = {
  // curl reads only the lower case, others only the upper.
  http_proxy: PROXY,
  HTTP_PROXY: PROXY,
  no_proxy: NO_PROXY,
  NO_PROXY,
  // Node needs it.
  NODE_USE_ENV_PROXY: '1',
}

/** Without redirection: the containers' own programs are told of the sidecar as their proxy. What they have been told already stays. */
export function tellOfProxy(containers: readonly JsonObject[]): readonly JsonObject[] {
  return containers.map(container => {
    const env = objectsAt(container, 'env')
    const names = new Set(env.map(({ name }) => name))
    const missing = Object.entries(VARIABLES).filter(([name]) => !names.has(name))
    if (missing.length === 0) return container
    return { ...container, env: [...env, ...missing.map(([name, value]) => ({ name, value }))] }
  })
}
