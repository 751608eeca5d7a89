import type { ReadText } from './memory-bound.ts'

/** Why a connection is closed as soon as it came. */
export type RefusalReason = 'limit' | 'descriptors' | 'memory'

/** What decides whether one more connection is taken at a door. */
export interface AdmissionFacts {
  /** `--connections-max`, for each of the two doors. */
  readonly connectionsMax: number
  /** Descriptors that this process may have; infinite where that isn't known. */
  readonly descriptorsMax: number
  /** Connections from callers at the other door. */
  readonly elsewhere: number
  /** Connections that we have made. */
  readonly made: number
  readonly memoryIsShort: boolean
}

/** Descriptors that are never given to traffic: the program's own (files, listeners, gRPC, look-ups), and those of who asks for pages. */
const OWN_DESCRIPTORS = 64
/** Connections to one of the two doors for pages. Prometheus, probes and a few people; one that idles is closed after 30 s. */
export const PAGES_CONNECTIONS_MAX = 32
/** Whatever the limit is, so many callers must be possible: with fewer, nothing works, and the operator is told why. */
const ACCEPTED_MIN = 8
/** Where there are many descriptors, so many are kept for what callers ask for: four destinations, each with all that its breaker allows (1024). */
const FOR_REQUESTS = 4_096
/** What is made for callers ends below this share of the descriptors before idle connections are closed. */
const SCARCE_RATIO = 0.75

/**
 * How many connections from callers a door may have now. An accepted connection carries one request at a time, and that needs one
 * connection to somewhere: so half of the descriptors go to callers, as in HAProxy, and what they ask for always finds one. Where
 * there are many, most callers are idle at any time, and more than half are given away: all but `FOR_REQUESTS`.
 */
export function acceptedMax(facts: AdmissionFacts): number {
  if (facts.memoryIsShort) return 0
  const traffic = forTraffic(facts.descriptorsMax)
  const share = Math.max(Math.floor(traffic / 2), traffic - FOR_REQUESTS)
  const byDescriptors = Math.min(share, traffic - facts.made) - facts.elsewhere
  return Math.min(facts.connectionsMax, Math.max(ACCEPTED_MIN, byDescriptors))
}

/** What a door that has reached `acceptedMax` says. */
export function refusalReason(facts: AdmissionFacts): RefusalReason {
  if (facts.memoryIsShort) return 'memory'
  return acceptedMax(facts) < facts.connectionsMax ? 'descriptors' : 'limit'
}

/** Whether connections that carry nothing should be closed for the sake of those that do. */
export function descriptorsAreScarce(
  facts: Pick<AdmissionFacts, 'descriptorsMax' | 'made'>,
  accepted: number,
): boolean {
  return accepted + facts.made >= forTraffic(facts.descriptorsMax) * SCARCE_RATIO
}

/**
 * Linux says it in a file; elsewhere we don't know, and count on enough. Where the file can't be read, as no descriptor is left for it, what
 * was known `before` counts. Node has raised the soft limit to the hard one.
 */
export function readDescriptorsMax(read: ReadText, before: number = Number.POSITIVE_INFINITY): number {
  const limits = read('/proc/self/limits')
  if (limits === undefined) return before
  const soft = /^Max open files +([0-9]+) /m.exec(limits)?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

function forTraffic(descriptorsMax: number): number {
  return Math.max(0, descriptorsMax - OWN_DESCRIPTORS - 2 * PAGES_CONNECTIONS_MAX)
}
