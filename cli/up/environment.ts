import { delimiter, dirname } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** What must not go through the sidecar: this machine's own addresses. */
const NO_PROXY = '127.0.0.1,localhost,::1'

/** What a program needs so that its calls by name go through its sidecar. */
export interface ProgramPlace {
  /** The sidecar's outbound port on the loopback. */
  readonly outboundPort: number
  /** Where the program shall listen; `undefined` for a pure client. */
  readonly port: number | undefined
  /** From the Process; wins over all else. */
  readonly env: Readonly<Record<string, string>>
  /** The Node that runs us: `node` in a command means it, because older ones don't know NODE_USE_ENV_PROXY. */
  readonly nodePath: string
}

/** The environment of a user's program: ours, and the proxy variables that curl, Python, Go, undici and Node read. */
export function programEnvironment(inherited: Environment, place: ProgramPlace): Record<string, string | undefined> {
  const proxy = `http://127.0.0.1:${place.outboundPort}`
  const path = inherited.PATH
  return {
    ...withoutOurs(inherited),
    PATH: path === undefined ? dirname(place.nodePath) : `${dirname(place.nodePath)}${delimiter}${path}`,
    // curl reads only the lower case, others only the upper.
    http_proxy: proxy,
    HTTP_PROXY: proxy,
    no_proxy: NO_PROXY,
    NO_PROXY,
    NODE_USE_ENV_PROXY: '1',
    ...(place.port === undefined ? {} : { PORT: String(place.port) }),
    ...place.env,
  }
}

/** The environment of our own programs: without proxies, which gRPC would use even towards the loopback. */
export function ownEnvironment(
  inherited: Environment,
  own: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const entries = Object.entries(withoutOurs(inherited)).filter(([name]) => !/^(https?|grpc|no|all)_proxy$/i.test(name))
  return { ...Object.fromEntries(entries), ...own }
}

/** Without `SELVEDGE_*`: what is meant for this command is not meant for every program below it. */
function withoutOurs(inherited: Environment): Environment {
  return Object.fromEntries(Object.entries(inherited).filter(([name]) => !name.startsWith('SELVEDGE_')))
}
