import { makeCsr, makeKeyPair, parseJoinToken, renewalTimeMs, runAtWallTime } from '../../certs/mod.ts'
import { type Clock, err, isDnsLabel, ok, type Random, type Result, workloadSpiffeId } from '../../common/mod.ts'
import { identityCell } from './cell.ts'
import type { EnrolmentFault } from './fault.ts'
import type { Identity, Svid } from './identity.ts'
import { keptIdentity } from './kept.ts'
import { makeSvid } from './make-svid.ts'
import { outageLog } from './outage-log.ts'
import { pause } from './pause.ts'
import { fetchPinnedRoot } from './root-pin.ts'
import type { IdentityClient } from './wire.ts'

export interface EnrolledIdentityOptions {
  /** `host:port` of the enrolment port, server TLS. */
  readonly enrolmentAddress: string
  /** `host:port` of the mTLS port, where renewal is served. */
  readonly discoveryAddress: string
  /** The text form, `selvedge-join.…`; empty: there is none, and only what is kept will do. */
  readonly joinToken: string
  /** Where the identity outlives the process; `undefined`: it does not. */
  readonly stateDir?: string | undefined
  readonly workload: { readonly namespace: string; readonly serviceAccount: string }
  /** Which of the workloads with this identity we are, `namespace/name`: the control plane counts the requests of each for itself. */
  readonly workloadName?: string
  readonly clock: Clock
  readonly random: Random
  readonly log: { info(message: string): void; warn(message: string): void }
  /** Ends the wait for a control plane that is away. */
  readonly signal?: AbortSignal
}

/** Between attempts: from 100 ms, doubling. A sidecar without an identity can carry nothing, so it asks often; one that renews has hours. */
const BACKOFF_MIN_MS = 100
const ENROL_BACKOFF_MAX_MS = 2000
const RENEW_BACKOFF_MAX_MS = 30_000
/** Without a token there is no asking: what was kept must do. */
const NO_TOKEN =
  'Cannot join the mesh: there is no join token, and no identity that is still good; give one, from "selvedge token create"'

/**
 * Enrols with a join token, then renews over mTLS at half of each certificate's life, until it is closed. While the control plane
 * is away it keeps trying, and says so once; it gives up only when the control plane refuses. A certificate that has ended in spite
 * of all is replaced by enrolling again, if the token still has a use. An identity that was kept and is still good is taken first:
 * nobody need be asked for it.
 */
export async function enrolledIdentity(options: EnrolledIdentityOptions): Promise<Result<Identity, string>> {
  const { clock, random, log } = options
  const made = await makeEnroller(options)
  if (!made.ok) return made
  const enroller = made.value
  const outage = outageLog(log)
  const first = enroller.kept ?? (await enrolPatiently(options, enroller, outage))
  if (!first.ok) return first
  const keep = async (svid: Svid): Promise<void> => {
    const saved = await enroller.keep(svid)
    if (!saved.ok) log.warn(`${saved.error}; a restart without the control plane will have no identity`)
  }
  if (enroller.kept === undefined) void keep(first.value)
  const closing = new AbortController()
  let callOff = (): void => {}
  const cell = identityCell(first.value, () => {
    closing.abort()
    callOff()
  })

  function schedule(): void {
    const { notBeforeMs, notAfterMs } = cell.current()
    const atMs = renewalTimeMs(clock.wallMs(), notAfterMs, random, notBeforeMs)
    cell.note({ kind: 'waiting', nextMs: atMs })
    callOff = runAtWallTime(clock, atMs, () => void renewPatiently())
  }

  async function renewPatiently(): Promise<void> {
    let sinceMs: number | undefined
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      const svid = cell.current()
      const ended = clock.wallMs() >= svid.notAfterMs
      const next = ended ? await enroller.enrol() : await enroller.renew(svid)
      if (next.ok) {
        outage.ends()
        cell.replace(next.value)
        void keep(next.value)
        if (!closing.signal.aborted) schedule()
        return
      }
      const until = ended ? 'has ended' : `is good until ${new Date(svid.notAfterMs).toISOString()}`
      outage.begins(next.error.kind, `${next.error.message}; our certificate ${until}, and renewal goes on being tried`)
      const delayMs = backoffMs(attempt, RENEW_BACKOFF_MAX_MS, random)
      sinceMs ??= clock.wallMs()
      cell.note({ kind: 'failing', why: next.error.message, sinceMs, nextMs: clock.wallMs() + delayMs })
      await pause(delayMs, { signal: closing.signal, keepsAlive: false })
    }
  }

  schedule()
  return ok(cell)
}

interface Enroller {
  /** An identity from before that is still good. */
  readonly kept: Result<Svid, never> | undefined
  keep(svid: Svid): Promise<Result<void, string>>
  enrol(): Promise<Result<Svid, EnrolmentFault>>
  renew(svid: Svid): Promise<Result<Svid, EnrolmentFault>>
}

async function makeEnroller(options: EnrolledIdentityOptions): Promise<Result<Enroller, string>> {
  const { workload, workloadName = '', clock, joinToken, enrolmentAddress, discoveryAddress } = options
  const token = joinToken === '' ? err(NO_TOKEN) : parseJoinToken(joinToken)
  if (!token.ok && joinToken !== '') return token
  if (!isDnsLabel(workload.namespace) || !isDnsLabel(workload.serviceAccount)) {
    const name = `${workload.namespace}/${workload.serviceAccount}`
    return err(`Cannot take the identity ${name}: both must be DNS labels, as in bookshop/reviews`)
  }
  const { stateDir } = options
  const caPin = token.ok ? token.value.caPin : undefined
  const keeper = stateDir === undefined ? undefined : keptIdentity({ stateDir, workload, caPin, nowMs: clock.wallMs })
  const kept = keeper?.load() ?? ok(undefined)
  if (!kept.ok) options.log.warn(kept.error)
  const found = kept.ok ? kept.value : undefined
  if (found === undefined && !token.ok) return token
  // gRPC is loaded here, and not in file mode, where nobody comes by.
  const client: IdentityClient = (await import('./wire.ts')).identityClient(clock)

  return ok({
    kept: found === undefined ? undefined : ok(found),
    keep: async svid => (keeper === undefined ? ok(undefined) : keeper.save(svid)),
    async enrol() {
      if (!token.ok) return err({ kind: 'refused', message: token.error })
      const root = await fetchPinnedRoot(enrolmentAddress, token.value.caPin)
      if (!root.ok) return root
      const { trustDomain } = root.value
      const spiffeId = workloadSpiffeId(trustDomain, workload.namespace, workload.serviceAccount)
      const keys = makeKeyPair()
      const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId })
      const issued = await client.enrol(enrolmentAddress, root.value, { csr, joinToken, workload: workloadName })
      if (!issued.ok) return issued
      return checked(makeSvid(issued.value, keys, { spiffeId, trustDomain, nowMs: clock.wallMs() }))
    },
    async renew(svid) {
      const { spiffeId, trustDomain } = svid
      // A new key with each certificate: one that was stolen is worth little for long.
      const keys = makeKeyPair()
      const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId })
      const issued = await client.renew(discoveryAddress, svid, { csr, workload: workloadName })
      if (!issued.ok) return issued
      return checked(makeSvid(issued.value, keys, { spiffeId, trustDomain, nowMs: clock.wallMs() }))
    },
  })
}

async function enrolPatiently(
  { random, signal }: EnrolledIdentityOptions,
  enroller: Enroller,
  outage: ReturnType<typeof outageLog>,
): Promise<Result<Svid, string>> {
  for (let attempt = 0; signal?.aborted !== true; attempt++) {
    const svid = await enroller.enrol()
    if (svid.ok) {
      outage.ends()
      return svid
    }
    if (svid.error.kind === 'refused') return err(svid.error.message)
    outage.begins(svid.error.kind, `${svid.error.message}; enrolment goes on being tried`)
    const delayMs = backoffMs(attempt, ENROL_BACKOFF_MAX_MS, random)
    await pause(delayMs, { keepsAlive: true, ...(signal === undefined ? {} : { signal }) })
  }
  return err('Cannot enrol: it was called off before the control plane answered')
}

/** An answer that we cannot use is the control plane's fault, and the same next time. */
function checked(svid: Result<Svid, string>): Result<Svid, EnrolmentFault> {
  return svid.ok ? svid : err({ kind: 'refused', message: svid.error })
}

/** Between half and all of the step, so that a fleet that lost its control plane at once does not come back at once. */
function backoffMs(attempt: number, maxMs: number, random: Random): number {
  return Math.min(maxMs, BACKOFF_MIN_MS * 2 ** Math.min(attempt, 16)) * (0.5 + random() / 2)
}
