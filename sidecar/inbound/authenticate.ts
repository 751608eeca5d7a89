import type { Filter } from '../http/mod.ts'
import type { CurrentPolicy } from '../policy/mod.ts'

/** What only somebody who is known may say of others. */
const SAID_OF_OTHERS = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-client-cert',
  'forwarded',
]

/** Tells the application who calls, in one field that nobody else can write, and removes what callers and applications say in our name. */
export function authenticate(policy: CurrentPolicy): Filter {
  return {
    name: 'authenticate',
    request: x => {
      const { request, caller } = x
      if (request.hasMeshFields) request.headers.removePrefix('x-selvedge-')
      if (caller.kind === 'peer') request.headers.add('x-selvedge-caller', caller.spiffeId)
      x.facts.source = caller.kind === 'peer' ? caller.name : 'unauthenticated'
      // The listener lets plaintext in only in permissive mode; a connection may outlive that.
      if (caller.kind !== 'peer' && policy.self?.mesh.mtls !== 'permissive') {
        x.fail('unauthenticated', 'plaintext is not served: the mesh is strict')
        return 'done'
      }
      if (caller.kind !== 'peer') for (const name of SAID_OF_OTHERS) request.headers.remove(name)
      return 'next'
    },
    response: (_x, head) => {
      if (head.hasMeshFields) head.headers.removePrefix('x-selvedge-')
    },
  }
}
