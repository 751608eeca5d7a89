import {
  type CollectorEndpoint,
  type Port,
  parseCollectorEndpoint,
  parsePort,
  parseServiceKey,
  parseSpiffeId,
  parseTrustDomain,
  type Result,
  type ServiceKey,
  type SpiffeId,
  type TrustDomain,
} from '../../../common/mod.ts'
import type { SnapshotProblem } from '../../../model/snapshot/mod.ts'

/**
 * Reads the fields of one resource and collects what is wrong with them, so that a refusal names every fault at once. What is faulty is
 * handed on as it is: an update with a problem is refused whole, so nobody sees it.
 */
export interface Fields {
  port(value: number, field: string): Port
  service(value: string, field: string): ServiceKey
  spiffeId(value: string, field: string): SpiffeId
  trustDomain(value: string, field: string): TrustDomain
  collector(value: string, field: string): CollectorEndpoint
  oneOf<const T extends string | number>(value: string | number, allowed: readonly T[], field: string): T
  problem(field: string, message: string): void
}

/** Stands where one was faulty; the update is refused. */
const NO_ENDPOINT: CollectorEndpoint = { text: '', protocol: 'http', tls: false, host: '', port: 0, path: '' }

export function fieldsOf(resource: string, problems: SnapshotProblem[]): Fields {
  function problem(field: string, message: string): void {
    problems.push({ resource, field, message })
  }

  function parsed<T>(result: Result<T, string>, field: string, value: unknown): T {
    if (result.ok) return result.value
    problem(field, result.error)
    return value as T
  }

  return {
    port: (value, field) => parsed(parsePort(value), field, value),
    service: (value, field) => parsed(parseServiceKey(value), field, value),
    spiffeId: (value, field) => parsed(parseSpiffeId(value), field, value),
    trustDomain: (value, field) => parsed(parseTrustDomain(value), field, value),
    collector(value, field) {
      const result = parseCollectorEndpoint(value)
      if (!result.ok) problem(field, `"${value}" ${result.error}`)
      return result.ok ? result.value : NO_ENDPOINT
    },
    oneOf(value, allowed, field) {
      const found = allowed.find(one => one === value)
      if (found === undefined) problem(field, `"${value}" is none of ${allowed.join(', ')}`)
      return found ?? (allowed[0] as (typeof allowed)[number])
    },
    problem,
  }
}
