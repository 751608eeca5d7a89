import { makeCsr, makeKeyPair, parseJoinToken, renewalTimeMs, runAtWallTime } from '../../certs/mod.ts'
import { type Clock, err, isDnsLabel, ok, type Random, type Result, workloadSpiffeId } from '../../common/mod.ts'
import { identityCell } from './cell.ts'
import type { EnrolmentFault } from './fault.ts'
import type { Identity, Svid } from './identity.ts'
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
  /** The text form, `selvedge-join.…`. */
  readonly joinToken: string
  readonly workload: { readonly namespace: string; readonly serviceAccount: string }
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

/**
 * Enrols with a join token, then renews over mTLS at half of each certificate's life, until it is closed. While the control plane
 * is away it keeps trying, and says so once; it gives up only when the control plane refuses. A certificate that has ended in spite
 * of all is replaced by enrolling again, if the token still has a use.
 */
export async function enrolledIdentity(options: EnrolledIdentityOptions): Promise<Result<Identity, string>> {
  const { clock, random, log } = options
  const made = await makeEnroller(options)
  if (!made.ok) return made
  const enroller = made.value
  const outage = outageLog(log)
  const first = await enrolPatiently(options, enroller, outage)
  if (!first.ok) return first
  const closing = new AbortController()
  let callOff = (): void => {}
  const cell = identityCell(first.value, () => {
    closing.abort()
    callOff()
  })

  function schedule(): void {
    const atMs = renewalTimeMs(clock.wallMs(), cell.current().notAfterMs, random)
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
  enrol(): Promise<Result<Svid, EnrolmentFault>>
  renew(svid: Svid): Promise<Result<Svid, EnrolmentFault>>
}

async function makeEnroller(options: EnrolledIdentityOptions): Promise<Result<Enroller, string>> {
  const { workload, clock, joinToken, enrolmentAddress, discoveryAddress } = options
  const token = parseJoinToken(joinToken)
  if (!token.ok) return token
  if (!isDnsLabel(workload.namespace) || !isDnsLabel(workload.serviceAccount)) {
    const name = `${workload.namespace}/${workload.serviceAccount}`
    return err(`Cannot take the identity ${name}: both must be DNS labels, as in bookshop/reviews`)
  }
  // gRPC is loaded here, and not in file mode, where nobody comes by.
  const client: IdentityClient = (await import('./wire.ts')).identityClient(clock)

  return ok({
    async enrol() {
      const root = await fetchPinnedRoot(enrolmentAddress, token.value.caPin)
      if (!root.ok) return root
      const { trustDomain } = root.value
      const spiffeId = workloadSpiffeId(trustDomain, workload.namespace, workload.serviceAccount)
      const keys = makeKeyPair()
      const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId })
      const issued = await client.enrol(enrolmentAddress, root.value, { csr, joinToken })
      if (!issued.ok) return issued
      return checked(makeSvid(issued.value, keys, { spiffeId, trustDomain, nowMs: clock.wallMs() }))
    },
    async renew(svid) {
      const { spiffeId, trustDomain } = svid
      // A new key with each certificate: one that was stolen is worth little for long.
      const keys = makeKeyPair()
      const csr = makeCsr({ privateKeyPem: keys.privateKeyPem, spiffeId })
      const issued = await client.renew(discoveryAddress, svid, csr)
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
