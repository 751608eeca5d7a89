import type { World } from '../../model/compile/mod.ts'
import type { AuditRecord } from '../store/mod.ts'

/** How many resources of each kind there were at one revision. Workloads are left out: leases come and go. */
export interface Census {
  readonly revision: number
  readonly counts: Readonly<Record<string, number>>
}

/** A kind of which all, or most, are missing. */
export interface LostKind {
  readonly kind: string
  readonly expected: number
  readonly found: number
}

/** Fewer Services than this may go by more than half without a word: somebody tries something out. */
const MOST_MIN = 10

export function censusOf(world: World, revision: number): Census {
  const counts: Record<string, number> = {}
  for (const map of Object.values(world) as readonly ReadonlyMap<string, { readonly kind: string }>[]) {
    const [first] = map.values()
    if (first !== undefined && first.kind !== 'Workload') counts[first.kind] = map.size
  }
  return { revision, counts }
}

/**
 * What is missing of `before`, and was not deleted since by anybody whose name stands in the audit log: a whole kind, or most Services.
 * Sorted by kind.
 */
export function lostKinds(
  before: Census,
  now: Census,
  audit: readonly Pick<AuditRecord, 'action' | 'subject' | 'revision'>[],
): readonly LostKind[] {
  const deleted = new Map<string, number>()
  for (const { action, subject, revision } of audit) {
    if (action !== 'deleted' || revision <= before.revision) continue
    const kind = subject.split(' ', 1)[0] ?? ''
    deleted.set(kind, (deleted.get(kind) ?? 0) + 1)
  }
  const lost: LostKind[] = []
  for (const [kind, count] of Object.entries(before.counts)) {
    const expected = count - (deleted.get(kind) ?? 0)
    const found = now.counts[kind] ?? 0
    const whole = expected > 0 && found === 0
    const most = kind === 'Service' && expected >= MOST_MIN && found * 2 < expected
    if (whole || most) lost.push({ kind, expected, found })
  }
  return lost.sort((a, b) => (a.kind < b.kind ? -1 : 1))
}
