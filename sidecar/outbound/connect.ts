import type { Socket } from 'node:net'
import { assert } from '../../common/mod.ts'
import { type Exchange, endBroken, type TunnelEnd } from '../http/mod.ts'
import { H1ServerSession } from '../session/mod.ts'
import { breakOff, closeAfterWrites, dial, SocketWriter, type Turn } from '../transport/mod.ts'
import type { UpstreamEnvironment } from '../upstream/mod.ts'
import type { Destinations } from './destinations.ts'
import type { Resolved, Resolver } from './resolve.ts'

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'
const CONNECT_TIMEOUT_MS = 1_000
const HTTPS_PORT = 443

export interface ConnectParts {
  readonly resolver: Resolver
  readonly destinations: Destinations
  readonly environment: UpstreamEnvironment
}

/** A CONNECT from the application: to a service of the mesh, requests follow and are routed; to anything else, bytes pass as they are. */
export function connect(x: Exchange, parts: ConnectParts): void {
  const session = x.plan
  assert(session instanceof H1ServerSession, 'a CONNECT comes with its session')
  x.facts.source = parts.destinations.source()
  go(x, session, parts, parts.resolver.resolve(x.request.target, HTTPS_PORT))
}

function go(x: Exchange, session: H1ServerSession, parts: ConnectParts, resolved: Resolved): void {
  switch (resolved.kind) {
    case 'service':
      session.acceptRequests(ESTABLISHED, x.request.target)
      x.handedOver()
      return
    case 'external':
      tunnel(x, session, parts, resolved)
      return
    case 'refused':
      x.facts.destination = 'unknown'
      x.fail(resolved.cause, resolved.detail)
      return
    case 'pending':
      parts.resolver.whenKnown(x, resolved.key, () => {
        if (x.progress !== 'waiting') return
        const again = parts.resolver.resolve(x.request.target, HTTPS_PORT)
        if (again.kind === 'pending') x.fail('no-policy', `${resolved.key} did not become known in time`)
        else go(x, session, parts, again)
      })
  }
}

function tunnel(
  x: Exchange,
  session: H1ServerSession,
  parts: ConnectParts,
  to: Extract<Resolved, { kind: 'external' }>,
): void {
  x.facts.destination = 'external'
  const { wheel, lookups, turn, tunnels, isOurselves, broken } = parts.environment
  // These are called by timers and by Node's sockets, where what is thrown would end the process.
  const guarded = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      endBroken(x, error, broken)
    }
  }
  const target = { kind: 'plain', host: to.host, port: to.port, allowHalfOpen: true } as const
  const giveUp = dial(target, CONNECT_TIMEOUT_MS, wheel, lookups, {
    connected: socket =>
      guarded(() => {
        if (isOurselves(socket)) {
          socket.destroy()
          x.fail('bad-request', `${to.host}:${to.port} is this sidecar itself`)
        } else {
          tunnels.begin(farEnd(socket, session, turn), { direction: 'outbound', mtls: false }, far => {
            session.acceptTunnel(ESTABLISHED, far)
            return session
          })
          x.handedOver()
        }
      }),
    failed: detail => guarded(() => x.fail('connect-failed', detail)),
  })
  x.carrier = { cancel: giveUp, drained: () => undefined }
}

/** Bytes both ways, each side paced by the other. A half that ends is ended on the other side, one that breaks off is broken off. */
function farEnd(socket: Socket, session: H1ServerSession, turn: Turn): TunnelEnd {
  const writer = new SocketWriter(socket, turn)
  socket.on('data', (chunk: Buffer) => {
    if (!session.tunnelWrite(chunk)) socket.pause()
  })
  socket.on('drain', () => {
    writer.drained()
    session.resume()
  })
  socket.on('end', () => session.tunnelEnd())
  let callerEnded = false
  socket.on('error', () => session.breakOff())
  socket.on('close', () => session.tunnelEnd())
  return {
    data: chunk => writer.borrowed(chunk),
    end: () => {
      callerEnded = true
      writer.flush()
      socket.end()
    },
    closed: () => {
      // What the caller sent before it ended may still be on its way.
      if (callerEnded) closeAfterWrites(socket)
      else breakOff(socket)
    },
    drained: () => socket.resume(),
  }
}
