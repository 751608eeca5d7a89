import { err, ok, type Result } from '../../common/mod.ts'
import { type KindInfo, resourceId, type WorkloadResource } from '../../model/resources/mod.ts'
import { asResource, type ResourceRef } from '../store/mod.ts'
import type { Page, Pages } from './pages.ts'
import type { Selectable, Selector } from './selectors.ts'
import { EXPIRED, NO_CONTINUE, type Refusal } from './status.ts'
import type { Writer } from './writes.ts'

/** A resource as it is shown. */
export type Shown = Selectable & object

/** All resources of one kind at one revision. */
export interface Listing {
  readonly revision: number
  readonly items: readonly Shown[]
}

export interface ListQuestion {
  readonly info: KindInfo
  /** `undefined`: all. */
  readonly namespace: string | undefined
  readonly selects: Selector
  /** 0: no limit. */
  readonly limit: number
  /** What the page before has given; empty for the first. */
  readonly from: string
  /** All that was asked but the page, as text. */
  readonly text: string
}

/** Read at once from the store where a selector leaves few of many. */
const SCANNED_AT_ONCE = 500

/**
 * Lists a kind, in one namespace or in all, sorted by namespace and name. Workloads come from the world, in which those that sidecars
 * registered stand beside those that users wrote; all else comes from the store.
 */
export async function listKind(
  { store, world }: Writer,
  info: KindInfo,
  namespace: string | undefined,
): Promise<Listing> {
  if (info.kind !== 'Workload') {
    const { revision, resources } = await store.list(info.kind, namespace)
    return { revision, items: resources.map(asResource) }
  }
  const { world: state, revision } = world.state()
  const items = [...state.workloads.values()].filter(
    ({ metadata }) => namespace === undefined || metadata.namespace === namespace,
  )
  return { revision, items: items.sort(byName) }
}

/** A list, or one page of it; all its pages show one revision. What it can't go on with is a 410: the list is begun again then. */
export async function listPage(
  parts: Writer & { readonly pages: Pages<Shown> },
  question: ListQuestion,
): Promise<Result<Page<Shown>, Refusal>> {
  const { info, namespace, selects, limit, from, text } = question
  // The store remembers what was; of workloads that only the world knows, nobody does.
  if (info.kind !== 'Workload' && limit > 0) return storedPage(parts, question)
  if (from !== '') return parts.pages.next(text, from, limit)
  const { revision, items } = await listKind(parts, info, namespace)
  return ok(parts.pages.first(text, { revision, items: items.filter(selects) }, limit))
}

async function storedPage(
  { store }: Writer,
  { info, namespace, selects, limit, from }: ListQuestion,
): Promise<Result<Page<Shown>, Refusal>> {
  const begin = from === '' ? ok({ atRevision: undefined, after: undefined }) : positionOf(info, from)
  if (!begin.ok) return begin
  let { atRevision, after }: { atRevision: number | undefined; after: ResourceRef | undefined } = begin.value
  const items: Shown[] = []
  for (;;) {
    const page = await store.page({
      kind: info.kind,
      namespace,
      limit: Math.max(limit, SCANNED_AT_ONCE),
      atRevision,
      after,
    })
    if (!page.ok) return err(EXPIRED)
    const { revision, resources, more } = page.value
    atRevision = revision
    for (const [index, stored] of resources.entries()) {
      const shown = asResource(stored)
      if (!selects(shown)) continue
      items.push(shown)
      if (items.length < limit) continue
      const isLast = index === resources.length - 1 && !more
      return ok({ revision, items, next: isLast ? undefined : continueAt(revision, stored.ref), remaining: undefined })
    }
    if (!more) return ok({ revision, items, next: undefined, remaining: undefined })
    after = resources.at(-1)?.ref
  }
}

/** The revision of the list, and the last resource that was told. */
function continueAt(revision: number, { namespace, name }: ResourceRef): string {
  return Buffer.from(JSON.stringify([revision, namespace, name])).toString('base64url')
}

function positionOf(info: KindInfo, text: string): Result<{ atRevision: number; after: ResourceRef }, Refusal> {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return err(NO_CONTINUE)
  }
  const [atRevision, namespace, name]: readonly unknown[] = Array.isArray(value) ? value : []
  if (!Number.isSafeInteger(atRevision) || typeof namespace !== 'string' || typeof name !== 'string') {
    return err(NO_CONTINUE)
  }
  return ok({ atRevision: Number(atRevision), after: { kind: info.kind, namespace, name } })
}

function byName(a: WorkloadResource, b: WorkloadResource): number {
  const [left, right] = [resourceId(a), resourceId(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
