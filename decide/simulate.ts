import {
  type AttemptClass,
  type Cause,
  type EndpointKey,
  endpointKey,
  type Random,
  type ServiceKey,
} from '../common/mod.ts'
import type { Backend, Endpoint, EndpointsSnapshot, MeshSettings, ServiceSnapshot } from '../model/snapshot/mod.ts'
import {
  type EndpointLoad,
  loadEnded,
  loadFailed,
  loadStarted,
  newLoad,
  pickEndpoint,
  untriedFirst,
} from './balance/mod.ts'
import { admitRequest, BreakerState, releaseRequest } from './breaker/mod.ts'
import { isEjected, OutlierGroup, OutlierState, portInPanic, recordOutcome, usableInPanic } from './outlier/mod.ts'
import { decideRetry, RetryBudget, type RetryStop } from './retry/mod.ts'
import { matchRoute, type PreparedRule, pickBackend, prepareRoutes, type RouteRequest } from './route/mod.ts'
import { attemptDeadline, deadlineOf } from './timeout/mod.ts'
import { upgradeDenial } from './upgrade/mod.ts'

// The decisions in the order of the outbound stack, without sockets: what would become of a request, and why. `explain` asks it, and tests
// can ask it about anything that they can describe.

/** What one sidecar knows. */
export interface Known {
  readonly services: readonly ServiceSnapshot[]
  readonly endpoints: readonly EndpointsSnapshot[]
  readonly mesh: Pick<MeshSettings, 'requestTimeoutMs' | 'retryAttempts'>
}

export interface SimulatedRequest extends RouteRequest {
  readonly to: ServiceKey
  readonly port: number
  readonly idempotencyKey: boolean
  /** The protocol that it would like to switch to, such as `websocket`. */
  readonly upgrade?: string
}

/** How an endpoint would take one attempt. */
export interface SimulatedAnswer {
  readonly class: AttemptClass
  /** 0: none. */
  readonly status: number
  readonly tookMs: number
}

/** One decision, in the order in which they are made. */
export type Step =
  | { readonly step: 'route'; readonly match: 'pass-through' | 'no-match' }
  | { readonly step: 'route'; readonly match: 'rule'; readonly route: string; readonly rule: string }
  | { readonly step: 'backend'; readonly backend: Backend | undefined }
  | { readonly step: 'upgrade'; readonly denied: string | undefined }
  | { readonly step: 'breaker'; readonly policy: string | undefined; readonly admitted: boolean }
  | { readonly step: 'attempt'; readonly endpoint: EndpointKey; readonly atMs: number; readonly class: AttemptClass }
  | { readonly step: 'retry'; readonly delayMs: number }
  | { readonly step: 'stop'; readonly why: RetryStop }

/** `cause` says that the mesh itself made the answer; the words of the sidecar's rescue table. */
export type SimulatedEnd =
  | { readonly kind: 'answered'; readonly status: number; readonly endpoint: EndpointKey }
  | { readonly kind: 'redirected' }
  | { readonly kind: 'failed'; readonly cause: Cause }

export interface Simulated {
  readonly steps: readonly Step[]
  readonly end: SimulatedEnd
  /** When it ended, on the clock of the request. */
  readonly endMs: number
}

interface Candidate {
  readonly key: EndpointKey
  readonly endpoint: Endpoint
  readonly load: EndpointLoad
  readonly outlier: OutlierState
}

interface Destination {
  readonly service: ServiceSnapshot
  readonly breaker: BreakerState
  readonly budget: RetryBudget
  readonly group: OutlierGroup
  readonly byPort: ReadonlyMap<number, readonly Candidate[]>
}

const CAUSE_OF: Readonly<Partial<Record<AttemptClass, Cause>>> = {
  'connect-failed': 'connect-failed',
  reset: 'upstream-reset',
  timeout: 'attempt-timeout',
  cancelled: 'upstream-reset',
}

/** One sidecar's decisions. What is learnt of endpoints and destinations goes from one request to the next, as in a sidecar. */
export class Simulation {
  readonly #known: Known
  readonly #random: Random
  readonly #destinations = new Map<ServiceKey, Destination>()

  constructor(known: Known, random: Random) {
    this.#known = known
    this.#random = random
  }

  /** What becomes of a request that begins at `nowMs`. `answer` says how each endpoint takes an attempt (from 1 on). */
  send(
    request: SimulatedRequest,
    nowMs: number,
    answer: (endpoint: Endpoint, attempt: number) => SimulatedAnswer,
  ): Simulated {
    const steps: Step[] = []
    const end = (kind: SimulatedEnd, endMs = nowMs): Simulated => ({ steps, end: kind, endMs })
    const asked = this.#destination(request.to, nowMs)
    if (asked === undefined) return end({ kind: 'failed', cause: 'no-policy' })

    const routes = prepareRoutes(asked.service)
    if (!routes.ok) throw new Error(`Cannot simulate ${request.to}: ${routes.error.field}: ${routes.error.message}`)
    const match = matchRoute(routes.value, request.port, request)
    if (match.kind !== 'rule') steps.push({ step: 'route', match: match.kind })
    if (match.kind === 'no-match') return end({ kind: 'failed', cause: 'route-not-found' })
    if (match.kind === 'pass-through') return this.#carry(request, asked, request.port, undefined, nowMs, answer, steps)

    const { rule } = match.rule
    steps.push({ step: 'route', match: 'rule', route: rule.route, rule: rule.name })
    if (rule.filters.some(({ kind }) => kind === 'redirect')) return end({ kind: 'redirected' })
    const backend = pickBackend(match.rule, this.#random)
    steps.push({ step: 'backend', backend })
    if (backend === undefined || backend.kind === 'invalid') {
      return end({ kind: 'failed', cause: 'unknown-destination' })
    }
    const destination = this.#destination(backend.service, nowMs)
    if (destination === undefined) return end({ kind: 'failed', cause: 'no-healthy-endpoint' })
    return this.#carry(request, destination, backend.port, match.rule, nowMs, answer, steps)
  }

  /** Upgrade, breaker, then attempts: balance, outcome, retry. */
  #carry(
    request: SimulatedRequest,
    destination: Destination,
    port: number,
    prepared: PreparedRule | undefined,
    startMs: number,
    answer: (endpoint: Endpoint, attempt: number) => SimulatedAnswer,
    steps: Step[],
  ): Simulated {
    const { breaker, budget, service } = destination
    const { mesh } = this.#known
    if (request.upgrade !== undefined) {
      const denied = upgradeDenial(service.traffic.upgrades, request.upgrade)
      steps.push({ step: 'upgrade', denied })
      if (denied !== undefined) return { steps, end: { kind: 'failed', cause: 'denied' }, endMs: startMs }
    }
    const admitted = admitRequest(breaker, service.traffic.breaker)
    steps.push({ step: 'breaker', policy: service.traffic.policy, admitted })
    if (!admitted) return { steps, end: { kind: 'failed', cause: 'circuit-open' }, endMs: startMs }
    budget.requestSeen(startMs)
    const deadlineMs = deadlineOf(startMs, prepared?.rule.requestTimeoutMs, mesh.requestTimeoutMs)

    const tried: Candidate[] = []
    let nowMs = startMs
    let lost = false
    try {
      for (;;) {
        const candidate = this.#pick(destination, port, tried, lost, nowMs)
        if (candidate === undefined) {
          return { steps, end: { kind: 'failed', cause: 'no-healthy-endpoint' }, endMs: nowMs }
        }
        const limitMs = attemptDeadline(nowMs, prepared?.rule.attemptTimeoutMs, deadlineMs)
        const outcome = within(answer(candidate.endpoint, tried.length + 1), nowMs, limitMs)
        steps.push({ step: 'attempt', endpoint: candidate.key, atMs: nowMs, class: outcome.class })
        nowMs += outcome.tookMs
        learn(candidate, destination, outcome, nowMs)
        if (outcome.class === 'timeout' && nowMs === deadlineMs) {
          return { steps, end: { kind: 'failed', cause: 'request-timeout' }, endMs: nowMs }
        }
        const decision = decideRetry(
          {
            class: outcome.class,
            status: outcome.status,
            method: request.method,
            idempotencyKey: request.idempotencyKey,
            rule: prepared?.rule.retry,
            defaultAttempts: mesh.retryAttempts,
            retriesSoFar: tried.length,
            requestBytesSent: false,
            bodyReplayable: true,
            answerStarted: false,
            retryAfterMs: undefined,
            deadlineMs,
            nowMs,
          },
          budget,
          this.#random,
        )
        if (decision.kind === 'stop') {
          // An answer that nobody would retry is what was asked for.
          if (outcome.status === 0 || decision.why !== 'not-retryable') steps.push({ step: 'stop', why: decision.why })
          return { steps, end: endOf(outcome, decision.why, candidate.key), endMs: nowMs }
        }
        steps.push({ step: 'retry', delayMs: decision.delayMs })
        tried.push(candidate)
        lost = outcome.class === 'connect-failed' || outcome.class === 'reset'
        nowMs += decision.delayMs
      }
    } finally {
      releaseRequest(breaker)
    }
  }

  #pick(
    { group, service, byPort }: Destination,
    port: number,
    tried: readonly Candidate[],
    lost: boolean,
    nowMs: number,
  ): Candidate | undefined {
    const candidates = byPort.get(port) ?? []
    const { outlier: settings } = service.traffic
    const panic =
      usableInPanic(group, settings, nowMs) || (byPort.size > 1 && portInPanic(candidates, group, settings, nowMs))
    const usable = ({ outlier }: Candidate): boolean => panic || !isEjected(outlier, nowMs)
    return pickEndpoint(candidates, untriedFirst(candidates, usable, tried, lost), nowMs, this.#random)
  }

  #destination(key: ServiceKey, nowMs: number): Destination | undefined {
    const known = this.#destinations.get(key)
    const service = this.#known.services.find(each => each.key === key)
    if (known !== undefined || service === undefined) return known
    const { endpoints = [] } = this.#known.endpoints.find(each => each.service === key) ?? {}
    const made = destinationOf(service, endpoints, nowMs)
    this.#destinations.set(key, made)
    return made
  }
}

function destinationOf(service: ServiceSnapshot, endpoints: readonly Endpoint[], nowMs: number): Destination {
  const group = new OutlierGroup()
  const byKey = new Map<EndpointKey, Candidate>()
  const byPort = new Map<number, Candidate[]>()
  for (const endpoint of endpoints) {
    for (const { servicePort, appPort } of endpoint.ports) {
      const port = endpoint.tls.kind === 'mesh' ? endpoint.tls.inboundPort : appPort
      const key = endpointKey(endpoint.address, port, appPort)
      const candidate = byKey.get(key) ?? { key, endpoint, load: newLoad(nowMs), outlier: new OutlierState() }
      byKey.set(key, candidate)
      group.add(candidate.outlier)
      byPort.set(servicePort, [...(byPort.get(servicePort) ?? []), candidate])
    }
  }
  const budget = new RetryBudget(service.traffic.retryBudget, nowMs)
  return { service, breaker: new BreakerState(), budget, group, byPort }
}

/** What an attempt comes to when its time is limited. */
function within(answer: SimulatedAnswer, nowMs: number, limitMs: number | undefined): SimulatedAnswer {
  if (limitMs === undefined || nowMs + answer.tookMs < limitMs) return answer
  return { class: 'timeout', status: 0, tookMs: limitMs - nowMs }
}

function learn({ load, outlier }: Candidate, destination: Destination, outcome: SimulatedAnswer, nowMs: number): void {
  loadStarted(load)
  if (outcome.class === 'success') loadEnded(load, nowMs, outcome.tookMs)
  else loadFailed(load, nowMs, outcome.tookMs)
  recordOutcome(outlier, destination.group, destination.service.traffic.outlier, outcome.class, nowMs)
}

function endOf(outcome: SimulatedAnswer, why: RetryStop, endpoint: EndpointKey): SimulatedEnd {
  if (outcome.status > 0) return { kind: 'answered', status: outcome.status, endpoint }
  if (why === 'budget') return { kind: 'failed', cause: 'retry-budget-exhausted' }
  return { kind: 'failed', cause: CAUSE_OF[outcome.class] ?? 'upstream-protocol-error' }
}
