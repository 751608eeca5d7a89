import type { Exchange } from './exchange.ts'
import type { Filter } from './filter.ts'
import type { Headers } from './headers.ts'

/**
 * On the way between sidecars: how the names of a head's fields were written, those that aren't in lower case, separated by commas. It is there, if empty,
 * where a TrafficPolicy asks for it, and asks for the same of the answer.
 */
const NAMES_FIELD = 'x-selvedge-names'
/** Heads have names of a few hundred bytes together; what is beyond goes in lower case. */
const NAMES_BYTES_MAX = 8_192

/** Says in one field how the others are written, before they are written in lower case. */
export function tellNames(headers: Headers): void {
  headers.set(NAMES_FIELD, writtenNames(headers))
}

/** Takes back what was said for an earlier attempt: who isn't a sidecar is told nothing. */
export function untellNames(headers: Headers): void {
  headers.remove(NAMES_FIELD)
}

/** Beside an application: its request's names as its caller wrote them, and its answer's told to the caller's sidecar. Only sidecars are believed. */
export function restoreRequestNames(): Filter {
  // Those that are under way and want names, which few do.
  const asked = new WeakSet<Exchange>()
  return {
    name: 'name-case',
    request: x => {
      if (x.request.hasMeshFields && x.caller.kind === 'peer' && takeNames(x.request.headers)) asked.add(x)
      return 'next'
    },
    response: (x, head) => {
      if (x.request.hasMeshFields && asked.has(x)) tellNames(head.headers)
    },
  }
}

/** Beside a caller: an answer's names as the application wrote them. */
export function restoreAnswerNames(): Filter {
  return {
    name: 'name-case',
    response: (x, head) => {
      if (head.hasMeshFields && x.facts.mtls) takeNames(head.headers)
    },
  }
}

/** False: nothing was said of names. */
function takeNames(headers: Headers): boolean {
  const text = headers.get(NAMES_FIELD)
  if (text === undefined) return false
  headers.remove(NAMES_FIELD)
  if (text !== '') headers.rename(new Map(text.split(',').map(name => [name.toLowerCase(), name])))
  return true
}

function writtenNames(headers: Headers): string {
  let text = ''
  headers.forEach(name => {
    if (name === name.toLowerCase() || text.length + name.length >= NAMES_BYTES_MAX) return
    text = text === '' ? name : `${text},${name}`
  })
  return text
}
