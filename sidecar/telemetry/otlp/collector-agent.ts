import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'

/** How a collector is reached right now. */
export type CollectorRoute =
  /** At this host, which may be a name, and port. */
  | { readonly kind: 'direct'; readonly host: string; readonly port: number }
  /** Over mTLS to the sidecar beside it. `done` is called once. */
  | { readonly kind: 'mesh'; connect(): Promise<Socket> }
  | { readonly kind: 'none'; readonly why: string }

/** Asked for each connection: endpoints come and go. */
export type RouteToCollector = (host: string, port: number) => Promise<CollectorRoute>

/** One connection carries all batches, one after another. */
const AGENT_OPTIONS = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 } as const

type Created = (error: Error | null, socket: Socket) => void

/** An agent whose connections go where the mesh says, past every proxy that the environment may name: that one was made for the application. */
export function collectorAgent(tls: boolean, route: RouteToCollector): HttpAgent {
  const agent = tls ? new HttpsAgent(AGENT_OPTIONS) : new HttpAgent(AGENT_OPTIONS)
  const direct = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const created = callback as Created
    const connect = async (): Promise<void> => {
      const way = await route(options.host ?? '', Number(options.port))
      if (way.kind === 'none') throw new Error(way.why)
      if (way.kind === 'mesh') {
        if (tls) throw new Error('it is in the mesh, which encrypts by itself: write http:// instead of https://')
        created(null, await way.connect())
        return
      }
      const socket = direct({ ...options, host: way.host, port: way.port })
      if (socket) created(null, socket as Socket)
    }
    connect().catch((error: Error) => created(error, undefined as never))
    return undefined
  }
  return agent
}
