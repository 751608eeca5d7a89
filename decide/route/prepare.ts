import { err, ok, type Result } from '../../common/mod.ts'
import type { NamedMatch, RouteEntry, RouteRule, ServiceSnapshot } from '../../model/snapshot/mod.ts'
import { withoutTrailingSlash } from './path-change.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import type {
  PreparedEntry,
  PreparedHeader,
  PreparedQuery,
  PreparedRoutes,
  PreparedRule,
  RouteMatch,
  RouteTable,
} from './prepared.ts'
import { REGEX } from './prepared.ts'

/** `field` is the path in the snapshot's routing, such as `entries[0].path.value`. */
interface PrepareProblem {
  readonly field: string
  readonly message: string
}

type Prepared<T> = Result<T, PrepareProblem>

const PASS_THROUGH: RouteMatch = Object.freeze({ kind: 'pass-through' })
const NO_MATCH: RouteMatch = Object.freeze({ kind: 'no-match' })
const utf8 = new TextEncoder()

/**
 * Compiles a Service's routes into what `matchRoute` needs; done once for each snapshot. Refuses, with the field, a
 * regex that RE2 cannot compile, a weight that is no weight, and an entry without its rule.
 *
 * A port that no entry is attached to, while others are, passes through: a `parentRef` with a port attaches to that
 * port alone.
 */
export function prepareRoutes(service: ServiceSnapshot): Prepared<PreparedRoutes> {
  if (service.routing.kind === 'none-attached') return ok({ anyPort: tableOf([], PASS_THROUGH), byPort: undefined })
  const { entries, rules } = service.routing

  const matches: RouteMatch[] = []
  for (const [index, rule] of rules.entries()) {
    const prepared = prepareRule(rule, `rules[${index}]`)
    if (!prepared.ok) return prepared
    matches.push(Object.freeze({ kind: 'rule', rule: prepared.value }))
  }

  const all: Placed[] = []
  const ports = new Set<number>()
  for (const [order, entry] of entries.entries()) {
    const field = `entries[${order}]`
    const match = matches[entry.rule]
    if (match === undefined) {
      return err({ field: `${field}.rule`, message: `Cannot use rule ${entry.rule}: there are ${rules.length} rules` })
    }
    const prepared = prepareEntry(entry, order, match, field)
    if (!prepared.ok) return prepared
    all.push({ entry, prepared: prepared.value })
    for (const port of entry.ports) ports.add(port)
  }

  // Without any entry the routes that are attached match nothing, on every port.
  const onAnyPort = all.filter(placed => placed.entry.ports.length === 0)
  const anyPort = tableOf(onAnyPort, onAnyPort.length > 0 || all.length === 0 ? NO_MATCH : PASS_THROUGH)
  if (ports.size === 0) return ok({ anyPort, byPort: undefined })

  const byPort = new Map<number, RouteTable>()
  for (const port of ports) {
    const here = all.filter(({ entry }) => entry.ports.length === 0 || entry.ports.some(named => named === port))
    byPort.set(port, tableOf(here, NO_MATCH))
  }
  return ok({ anyPort, byPort })
}

interface Placed {
  readonly entry: RouteEntry
  readonly prepared: PreparedEntry
}

function tableOf(placed: readonly Placed[], otherwise: RouteMatch): RouteTable {
  const exact = new Map<string, PreparedEntry[]>()
  const others: PreparedEntry[] = []
  for (const { entry, prepared } of placed) {
    if (entry.path.kind !== 'exact') {
      others.push(prepared)
      continue
    }
    const same = exact.get(entry.path.value)
    if (same === undefined) exact.set(entry.path.value, [prepared])
    else same.push(prepared)
  }
  const lengths = Int32Array.from(others, entry => (entry.regex === undefined ? entry.prefix.length : REGEX))
  return { exact: exact.size === 0 ? undefined : exact, others, lengths, otherwise }
}

function prepareRule(rule: RouteRule, field: string): Prepared<PreparedRule> {
  const weightsUpTo = new Float64Array(rule.backends.length)
  let weightTotal = 0
  for (const [index, { weight }] of rule.backends.entries()) {
    if (!Number.isFinite(weight) || weight < 0) {
      const message = `Cannot use weight ${weight}: it must be a number from 0 up`
      return err({ field: `${field}.backends[${index}].weight`, message })
    }
    weightTotal += weight
    weightsUpTo[index] = weightTotal
  }
  return ok(Object.freeze({ rule, backends: rule.backends, weightsUpTo, weightTotal }))
}

function prepareEntry(entry: RouteEntry, order: number, match: RouteMatch, field: string): Prepared<PreparedEntry> {
  const { path, method } = entry
  const regex = path.kind === 'regex' ? patternAt(path.value, `${field}.path.value`) : ok(undefined)
  if (!regex.ok) return regex

  const headers: PreparedHeader[] = []
  for (const [index, header] of entry.headers.entries()) {
    const name = header.name.toLowerCase()
    const prepared = prepareValue(header, `${field}.headers[${index}].value`)
    if (!prepared.ok) return prepared
    // Of several matches with one name only the first counts (GW-5).
    if (headers.some(earlier => earlier.name === name)) continue
    headers.push({ name, exact: header.kind === 'exact' ? header.value : undefined, regex: prepared.value })
  }

  const query: PreparedQuery[] = []
  for (const [index, parameter] of entry.query.entries()) {
    const prepared = prepareValue(parameter, `${field}.query[${index}].value`)
    if (!prepared.ok) return prepared
    if (entry.query.findIndex(earlier => earlier.name === parameter.name) < index) continue
    const exact = parameter.kind === 'exact' ? utf8.encode(parameter.value) : undefined
    query.push({ name: utf8.encode(parameter.name), exact, regex: prepared.value })
  }

  const prefix = path.kind === 'prefix' ? withoutTrailingSlash(path.value) : ''
  const pathOnly = method === undefined && headers.length === 0 && query.length === 0
  return ok({ order, match, prefix, regex: regex.value, pathOnly, method, headers, query })
}

function prepareValue(match: NamedMatch, field: string): Prepared<Pattern | undefined> {
  return match.kind === 'regex' ? patternAt(match.value, field) : ok(undefined)
}

function patternAt(text: string, field: string): Prepared<Pattern> {
  const pattern = compilePattern(text)
  return pattern.ok ? pattern : err({ field, message: pattern.error })
}
