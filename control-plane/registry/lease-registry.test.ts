import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { err, ok, type SpiffeId, workloadKey } from '../../common/mod.ts'
import type { LeaseChange, LeaseRecord, LeaseRecords } from '../store/mod.ts'
import { LEASE_GRACE_MS, type OpenRegistry, openLeaseRegistry, RESTART_GRACE_MS } from './mod.ts'
import type { LeaseHandle } from './registry.ts'

const reviews = workloadKey('bookshop', 'reviews-1')
const spiffeId = 'spiffe://cluster.local/ns/bookshop/sa/reviews' as SpiffeId

function lease(changes: Partial<LeaseRecord['registration']> = {}): LeaseRecord {
  const registration = {
    address: '10.0.0.7',
    inboundPort: 15_006,
    ports: [{ name: 'http', port: 8080, protocol: 'http' }],
    labels: { app: 'reviews' },
    serviceAccount: 'reviews',
    zone: 'a',
    ready: true,
    ...changes,
  }
  return { workload: reviews, spiffeId, registration }
}

/** Keeps leases in memory; `broken` is a full disk. */
class FakeRecords implements LeaseRecords {
  readonly kept = new Map<string, LeaseRecord>()
  revision = 0
  broken = false

  async apply(changes: readonly LeaseChange[]) {
    if (this.broken) return err({ code: 'unavailable', message: 'Cannot write to the store: it is full.' } as const)
    for (const change of changes) {
      if (change.kind === 'save') this.kept.set(change.lease.workload, change.lease)
      else this.kept.delete(change.workload)
    }
    return ok(++this.revision)
  }

  async list() {
    return [...this.kept.values()]
  }
}

describe('the lease registry', () => {
  let records: FakeRecords
  let shown: Map<string, boolean>
  let revisions: (number | undefined)[]
  let warnings: string[]
  let written: Set<string>
  let registry: OpenRegistry

  const open = async () => {
    shown = new Map()
    registry = await openLeaseRegistry({
      records,
      show(changes, revision) {
        revisions.push(revision)
        for (const change of changes) {
          if (change.kind === 'remove') shown.delete(change.workload)
          else {
            const { metadata, status } = change.workload
            shown.set(`${metadata.namespace}/${metadata.name}`, status?.ready ?? true)
          }
        }
      },
      isWritten: key => written.has(key),
      warn: message => warnings.push(message),
      graceMs: LEASE_GRACE_MS,
      restartGraceMs: RESTART_GRACE_MS,
    })
  }
  const attach = (record = lease()): LeaseHandle => {
    const attached = registry.attach(record)
    if (!attached.ok) throw new Error(attached.error)
    return attached.value
  }
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

  beforeEach(async () => {
    vi.useFakeTimers()
    records = new FakeRecords()
    revisions = []
    warnings = []
    written = new Set()
    await open()
  })
  afterEach(async () => {
    await registry.close()
    vi.useRealTimers()
  })

  it('shows a workload once it is kept, and its readiness as it changes', async () => {
    const handle = attach(lease({ ready: false }))
    expect(shown.size).toBe(0)
    await pass(1)
    expect(shown.get(reviews)).toBe(false)
    handle.setReady(true)
    await pass(1)
    expect(shown.get(reviews)).toBe(true)
    expect(records.kept.get(reviews)?.registration.ready).toBe(true)
    expect(revisions).toEqual([1, 2])
  })

  it('makes one transaction of what one turn of the event loop brings', async () => {
    const handle = attach()
    handle.setReady(false)
    handle.setReady(true)
    attach({ ...lease(), workload: workloadKey('bookshop', 'reviews-2') })
    await pass(1)
    expect(records.revision).toBe(1)
    expect(shown.size).toBe(2)
  })

  it('withdraws a workload when its stream has been away for the grace period, and not before', async () => {
    const handle = attach()
    await pass(1)
    handle.detach()
    await pass(1_499)
    expect(shown.has(reviews)).toBe(true)
    await pass(2)
    expect(shown.has(reviews)).toBe(false)
    expect(records.kept.size).toBe(0)
  })

  it('changes nothing when the stream comes back in time with what it had', async () => {
    attach().detach()
    await pass(1_000)
    attach(lease({ labels: { app: 'reviews' } }))
    await pass(60_000)
    expect(shown.has(reviews)).toBe(true)
    expect(records.revision).toBe(1)
  })

  it('lets a newer stream take the lease over: the older one has no say any more', async () => {
    const older = attach()
    const newer = attach(lease({ address: '10.0.0.8' }))
    older.setReady(false)
    older.detach()
    await pass(60_000)
    expect(shown.get(reviews)).toBe(true)
    newer.detach()
    newer.detach()
    await pass(1_600)
    expect(shown.has(reviews)).toBe(false)
  })

  it('withdraws nothing restored before the restart grace has passed', async () => {
    attach()
    await pass(1)
    await registry.close()
    await open()
    expect(shown.get(reviews)).toBe(true)
    await pass(9_999)
    expect(shown.has(reviews)).toBe(true)
    await pass(2)
    expect(shown.has(reviews)).toBe(false)
  })

  it('keeps what is restored once its sidecar is back', async () => {
    attach()
    await pass(1)
    await registry.close()
    await open()
    await pass(5_000)
    attach()
    await pass(60_000)
    expect(shown.get(reviews)).toBe(true)
  })

  it('withdraws nothing because it is closed itself', async () => {
    const handle = attach()
    await pass(1)
    await registry.close()
    handle.detach()
    await pass(60_000)
    expect(records.kept.has(reviews)).toBe(true)
    expect(registry.attach(lease())).toMatchObject({ ok: false })
  })

  it('refuses the name of a Workload that a user wrote', () => {
    written.add(reviews)
    expect(registry.attach(lease())).toMatchObject({ ok: false, error: expect.stringContaining('written by a user') })
  })

  it('refuses a name that another identity holds', async () => {
    attach()
    const other = { ...lease(), spiffeId: 'spiffe://cluster.local/ns/bookshop/sa/other' as SpiffeId }
    expect(registry.attach(other)).toMatchObject({ ok: false, error: expect.stringContaining('holds the name') })
  })

  it('refuses a registration that no Workload may have, with the field', () => {
    const refused = registry.attach(lease({ address: 'reviews.local' }))
    expect(refused).toMatchObject({ ok: false, error: expect.stringContaining('spec.address must be an IP address') })
  })

  it('shows a workload even while the store takes no writes, and says so', async () => {
    records.broken = true
    attach()
    await pass(1)
    expect(shown.get(reviews)).toBe(true)
    expect(revisions).toEqual([undefined])
    expect(warnings).toEqual(['Cannot write to the store: it is full.'])
  })

  it('[DATA-2] keeps what a full disk did not take once there is room again: the newest state of each', async () => {
    records.broken = true
    const attached = registry.attach(lease({ ready: false }))
    await pass(1)
    if (attached.ok) attached.value.setReady(true)
    await pass(1)
    expect(records.kept.size).toBe(0)
    await pass(5_000)
    expect(warnings).toHaveLength(3)
    records.broken = false
    await pass(5_000)
    expect([...records.kept.values()]).toEqual([lease({ ready: true })])
    expect(revisions).toEqual([undefined, undefined, undefined, 1])
    await pass(20_000)
    expect(records.revision).toBe(1)
  })
})
