import { err, ok, type Result } from '../../common/mod.ts'
import type { KindInfo } from '../../model/resources/mod.ts'
import type { Changes, ResourceChange } from './events.ts'
import type { Listing, Shown } from './listing.ts'
import type { ApiAnswer, Sink } from './router.ts'
import type { Selector } from './selectors.ts'
import { type Refusal, statusOf } from './status.ts'

/** Open at one time: programs that watch are few, and each may hold `PENDING_BYTES_MAX` and one commit more. */
const WATCHES_MAX = 128
/** What a watcher may leave unread when the next change comes: then it is told to list again, rather than waited for. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024
/** A quiet kind's watcher learns this often how far it is, so that it can come back there. */
const BOOKMARK_MS = 10_000
/** Without a wish, watches end after half an hour, and nobody holds one for longer than an hour. */
export const WATCH_SECONDS_DEFAULT = 1_800
export const WATCH_SECONDS_MAX = 3_600

export interface WatchWish {
  /** `undefined`: all that is there first, each as ADDED, then what changes. */
  readonly fromRevision: number | undefined
  readonly selects: Selector
  readonly bookmarks: boolean
  readonly timeoutMs: number
}

/** The watches of one kind draw on this: how many there are, of all kinds together. */
export interface WatchCount {
  open: number
}

/**
 * Watches a kind: one JSON line for each change, as the Kubernetes API sends it (ADDED, MODIFIED, DELETED, BOOKMARK, ERROR). Nothing is
 * missed and nothing told twice. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export async function watchKind(
  info: KindInfo,
  changes: Changes,
  list: () => Promise<Listing>,
  count: WatchCount,
  wish: WatchWish,
): Promise<Result<ApiAnswer, Refusal>> {
  if (count.open >= WATCHES_MAX) {
    const message = `Cannot watch ${info.plural}: ${WATCHES_MAX} watches are open, and there can be no more. End one, or try again later.`
    return err({ code: 429, message })
  }
  const listing = wish.fromRevision === undefined ? await list() : undefined
  return ok({
    code: 200,
    stream: sink => {
      if (sink.gone.aborted) return
      count.open++
      sink.gone.addEventListener('abort', () => count.open--, { once: true })
      runWatch(info, changes, listing, wish, sink)
    },
  })
}

function runWatch(info: KindInfo, changes: Changes, listing: Listing | undefined, wish: WatchWish, sink: Sink): void {
  let revision = wish.fromRevision ?? listing?.revision ?? 0
  let told = revision
  let over = false
  const send = (type: string, object: object) => sink.write(`${JSON.stringify({ type, object })}\n`)
  const bookmark = () => {
    if (over || !wish.bookmarks) return
    told = revision
    send('BOOKMARK', bookmarkOf(info, revision))
  }
  const endWith = (refusal?: Refusal) => {
    if (over) return
    if (refusal === undefined) bookmark()
    else send('ERROR', statusOf(refusal))
    over = true
    sink.end()
  }
  for (const item of listing?.items ?? []) if (wish.selects(item)) send('ADDED', item)

  const timeout = setTimeout(() => endWith(), wish.timeoutMs)
  const every = setInterval(() => revision > told && bookmark(), BOOKMARK_MS)
  let stop: (() => void) | undefined
  const deny = () => endWith(DENIED)
  sink.denied.addEventListener('abort', deny, { once: true })
  sink.gone.addEventListener(
    'abort',
    () => {
      over = true
      clearTimeout(timeout)
      clearInterval(every)
      stop?.()
    },
    { once: true },
  )
  const onChange = (at: number, changed: readonly ResourceChange[]) => {
    if (over) return
    // Before anything is added: one commit of any size is within the bound, a reader that lags behind by more is not.
    if (sink.pendingBytes() > PENDING_BYTES_MAX) return endWith(TOO_SLOW)
    revision = Math.max(revision, at)
    for (const change of changed) {
      const event = eventOf(change, wish.selects, at)
      if (event !== undefined) {
        told = revision
        send(event.type, event.object)
      }
    }
  }
  changes.watch(revision, onChange).then(
    started => {
      if (!started.ok) endWith(expired(revision, started.error.oldest))
      else if (sink.gone.aborted) started.value()
      else {
        stop = started.value
        bookmark()
      }
    },
    () => endWith({ code: 500, message: 'Cannot watch: the store does not answer. Try again.' }),
  )
}

/** A resource that begins to match is new to a watcher, and one that ceases to has gone. */
function eventOf(
  { before, after }: ResourceChange,
  selects: Selector,
  revision: number,
): { readonly type: string; readonly object: object } | undefined {
  const was = before !== undefined && selects(before) ? before : undefined
  const is = after !== undefined && selects(after) ? after : undefined
  if (is !== undefined) return { type: was === undefined ? 'ADDED' : 'MODIFIED', object: is }
  return was === undefined ? undefined : { type: 'DELETED', object: atRevision(was, revision) }
}

/** What has gone is shown as it was last, at the revision at which it went: a watcher comes back behind that. */
function atRevision(resource: Shown, revision: number): object {
  return { ...resource, metadata: { ...resource.metadata, resourceVersion: String(revision) } }
}

function bookmarkOf({ kind, apiVersion }: KindInfo, revision: number): object {
  return { kind, apiVersion, metadata: { resourceVersion: String(revision) } }
}

const DENIED: Refusal = {
  code: 401,
  message: 'Cannot watch any longer: the token has been revoked, or its time is over. Use another one.',
}

const TOO_SLOW: Refusal = {
  code: 410,
  message: 'Cannot watch any longer: changes come faster than they are read here. List again, and watch from there.',
}

function expired(revision: number, oldest: number): Refusal {
  return {
    code: 410,
    message: `Cannot watch from revision ${revision}: changes are known from revision ${oldest} on. List again, and watch from there.`,
  }
}
