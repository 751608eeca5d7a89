import { authorityMeant, type Exchange, type Filter, originalOf, type Verdict } from '../http/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'
import { H1ServerSession } from '../session/mod.ts'
import type { Destination } from '../upstream/mod.ts'
import { spoken } from './bound.ts'
import type { Destinations } from './destinations.ts'
import { OutboundPlan } from './plan.ts'
import type { Resolved, Resolver } from './resolve.ts'

/** RFC 9110, 9.3.6: a CONNECT names its port; who leaves it out means this one. */
const HTTPS_PORT = 443

export interface AimParts {
  readonly policy: CurrentPolicy
  readonly destinations: Destinations
  readonly resolver: Resolver
}

/**
 * Where bytes go that are passed as they are. A CONNECT of HTTP/1.1 to a service of the mesh only opens the way: what is spoken behind it is found out on
 * its connection.
 */
export function aim(parts: AimParts): Filter {
  return {
    name: 'aim',
    request: x => {
      x.facts.source = parts.destinations.source()
      const session = x.plan instanceof H1ServerSession ? x.plan : undefined
      return settle(x, session, parts, resolve(x, session, parts))
    },
  }
}

/** A CONNECT that somebody sent to a proxy says itself where it goes; of bytes, where their connection was going says it. */
function resolve(x: Exchange, session: H1ServerSession | undefined, { resolver }: AimParts): Resolved {
  return resolver.resolve(authorityMeant(x), HTTPS_PORT, session === undefined ? originalOf(x) : undefined)
}

function settle(x: Exchange, session: H1ServerSession | undefined, parts: AimParts, to: Resolved): Verdict {
  switch (to.kind) {
    case 'service': {
      const speaks = spoken(to.service.snapshot.ports, to.port)
      if (session !== undefined && speaks !== 'bytes') {
        session.handOver({ authority: authorityMeant(x), speaks })
        x.handedOver()
        return 'done'
      }
      x.facts.destination = to.key
      if (speaks === 'http') {
        // What looks at requests must not be gone round by who calls them bytes.
        x.fail('unsupported-protocol', `port ${to.port} of ${to.key} is declared to speak HTTP, not just any bytes`)
        return 'done'
      }
      if (to.instance !== undefined)
        return carry(x, parts, parts.destinations.instanceOf(to.instance), to.instance.appPort)
      const destination = parts.destinations.of(to.key)
      if (destination !== undefined) return carry(x, parts, destination, to.port)
      x.fail('no-policy', `${to.key} has just gone`)
      return 'done'
    }
    case 'external':
      x.facts.destination = 'external'
      return carry(x, parts, parts.destinations.externalOf(to.host, to.port), to.port)
    case 'refused':
      x.facts.destination = 'unknown'
      x.fail(to.cause, to.detail)
      return 'done'
    case 'pending':
      parts.resolver.whenKnown(x, to.key, () => {
        if (x.progress !== 'waiting') return
        const again = resolve(x, session, parts)
        if (again.kind === 'pending' && again.key === to.key)
          x.fail('no-policy', `${to.key} did not become known in time`)
        else if (settle(x, session, parts, again) === 'next') x.stack?.proceed(x)
      })
      return 'wait'
  }
}

/** Only what could not be connected is tried again. No limit of time holds for bytes: nobody knows what they ask for. */
function carry(x: Exchange, parts: AimParts, destination: Destination, port: number): Verdict {
  x.plan = new OutboundPlan(
    {
      destination,
      port,
      retry: undefined,
      defaultRetries: parts.policy.self?.mesh.retryAttempts ?? 0,
      attemptTimeoutMs: undefined,
      deadlineMs: undefined,
    },
    undefined,
  )
  return 'next'
}
