import { err, ok, type Result } from '../../common/mod.ts'
import type { KindInfo } from '../../model/resources/mod.ts'
import { asResource, type ResourceRef, refText } from '../store/mod.ts'
import type { Changes } from './events.ts'
import { leasedWorkload } from './leased.ts'
import { listKind, listPage, type Shown } from './listing.ts'
import type { Pages } from './pages.ts'
import { checkQuery, wholeNumber, yesOrNo } from './query.ts'
import type { ApiAnswer, ApiCall } from './router.ts'
import { parseFieldSelector, parseLabelSelector, type Selector } from './selectors.ts'
import { EXPIRED, type Refusal } from './status.ts'
import { WATCH_SECONDS_DEFAULT, WATCH_SECONDS_MAX, type WatchCount, watchKind } from './watch.ts'
import type { Writer } from './writes.ts'

/** What reading takes beside the store and the world: what lists in pages and watches need to remember. */
export interface Reader extends Writer {
  readonly pages: Pages<Shown>
  readonly watches: WatchCount
  readonly changesOf: (info: KindInfo) => Changes
}

const LIST_PARAMETERS = [
  'labelSelector',
  'fieldSelector',
  'limit',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'watch',
  'allowWatchBookmarks',
  'timeoutSeconds',
] as const
/** As many as one apply can bring; more are told in a further page. */
const LIMIT_MAX = 10_000

/** `GET` of a list: a list, a page of one, or with `watch=true` what becomes of it. */
export async function listOrWatch(reader: Reader, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, LIST_PARAMETERS)
  if (!query.ok) return query
  const selects = selectorOf(call)
  if (!selects.ok) return selects
  const watch = yesOrNo(call.query, 'watch')
  if (!watch.ok) return watch
  return watch.value ? watchList(reader, info, call, selects.value) : list(reader, info, call, selects.value)
}

export async function readOne(writer: Writer, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  // The newest is never older than what was asked for.
  const query = checkQuery(call.query, ['resourceVersion', 'pretty'])
  if (!query.ok) return query
  const ref = refFrom(info, call)
  const stored = await writer.store.read(ref)
  const value = stored === undefined ? leasedWorkload(writer.world, ref) : asResource(stored)
  return value === undefined ? err(notFound('read', ref)) : ok({ code: 200, value })
}

export function refFrom(info: KindInfo, call: ApiCall): ResourceRef {
  return { kind: info.kind, namespace: call.params.namespace ?? '', name: call.params.name ?? '' }
}

export function notFound(verb: string, ref: ResourceRef): Refusal {
  return {
    code: 404,
    message: `Cannot ${verb} ${refText(ref)}: it is not there. See which are with "selvedge get ${ref.kind.toLowerCase()}".`,
  }
}

async function list(
  reader: Reader,
  info: KindInfo,
  call: ApiCall,
  selects: Selector,
): Promise<Result<ApiAnswer, Refusal>> {
  const limit = wholeNumber(call.query, 'limit', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 })
  if (!limit.ok) return limit
  const exact = exactRevision(call.query)
  if (!exact.ok) return exact
  const from = call.query.get('continue') ?? ''
  const page = await listPage(reader, {
    info,
    namespace: call.params.namespace,
    selects,
    // A page may be shorter than its limit, and a continued one is never without.
    limit: Math.min(limit.value === 0 && from !== '' ? LIMIT_MAX : limit.value, LIMIT_MAX),
    from,
    text: [info.kind, call.params.namespace, call.query.get('labelSelector'), call.query.get('fieldSelector')].join(
      '\n',
    ),
  })
  if (!page.ok) return page
  const { revision, items, next, remaining } = page.value
  if (exact.value !== undefined && exact.value !== revision) return err(EXPIRED)
  const metadata = {
    resourceVersion: String(revision),
    ...(next === undefined ? {} : { continue: next }),
    ...(next === undefined || remaining === undefined ? {} : { remainingItemCount: remaining }),
  }
  return ok({ code: 200, value: { apiVersion: info.apiVersion, kind: `${info.kind}List`, metadata, items } })
}

/** `resourceVersionMatch=Exact` alone asks for one revision; without it, or with `NotOlderThan`, the newest is an answer. */
function exactRevision(query: URLSearchParams): Result<number | undefined, Refusal> {
  const match = query.get('resourceVersionMatch') ?? 'NotOlderThan'
  const revision = revisionOf(query)
  if (!revision.ok) return revision
  if (match === 'NotOlderThan') return ok(undefined)
  if (match === 'Exact' && revision.value !== undefined) return ok(revision.value)
  const message = `Cannot use resourceVersionMatch=${match.slice(0, 50)}: it must be NotOlderThan, or Exact with a resourceVersion.`
  return err({ code: 400, message })
}

async function watchList(
  reader: Reader,
  info: KindInfo,
  call: ApiCall,
  selects: Selector,
): Promise<Result<ApiAnswer, Refusal>> {
  // kubectl sends its limit to watches too, where it says nothing.
  if (call.query.has('continue')) {
    return err({ code: 400, message: 'Cannot watch with continue: list first, and watch from its resourceVersion.' })
  }
  const bookmarks = yesOrNo(call.query, 'allowWatchBookmarks')
  if (!bookmarks.ok) return bookmarks
  const bounds = { min: 1, max: WATCH_SECONDS_MAX, fallback: WATCH_SECONDS_DEFAULT }
  const seconds = wholeNumber(call.query, 'timeoutSeconds', bounds)
  if (!seconds.ok) return seconds
  const revision = revisionOf(call.query)
  if (!revision.ok) return revision
  const { namespace } = call.params
  const within: Selector = resource =>
    (namespace === undefined || resource.metadata?.namespace === namespace) && selects(resource)
  return watchKind(info, reader.changesOf(info), () => listKind(reader, info, namespace), reader.watches, {
    // 0 is "any": as when none is named, what is there comes first.
    fromRevision: revision.value === 0 ? undefined : revision.value,
    selects: within,
    bookmarks: bookmarks.value,
    timeoutMs: seconds.value * 1_000,
  })
}

function revisionOf(query: URLSearchParams): Result<number | undefined, Refusal> {
  const text = query.get('resourceVersion') ?? ''
  if (text === '') return ok(undefined)
  return wholeNumber(query, 'resourceVersion', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 0 })
}

function selectorOf(call: ApiCall): Result<Selector, Refusal> {
  const labels = parseLabelSelector(call.query.get('labelSelector') ?? '')
  if (!labels.ok) return labels
  const fields = parseFieldSelector(call.query.get('fieldSelector') ?? '')
  if (!fields.ok) return fields
  return ok(resource => labels.value(resource) && fields.value(resource))
}
