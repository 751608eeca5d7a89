import type { Filter } from '../http/mod.ts'

/** Tells the application who calls, in one field that nobody else can write, and removes what callers and applications say in our name. */
export function authenticate(): Filter {
  return {
    name: 'authenticate',
    request: x => {
      const { request, caller } = x
      if (request.hasMeshFields) request.headers.removePrefix('x-selvedge-')
      if (caller.kind === 'peer') request.headers.add('x-selvedge-caller', caller.spiffeId)
      x.facts.source = caller.kind === 'peer' ? caller.name : 'unauthenticated'
      return 'next'
    },
    response: (_x, head) => {
      if (head.hasMeshFields) head.headers.removePrefix('x-selvedge-')
    },
  }
}
