import { isDeepStrictEqual } from 'node:util'
import type { ServiceKey } from '../../../common/mod.ts'
import { formatProblem, type ResourceProblem } from '../../../model/resources/mod.ts'
import type { SnapshotUpdate } from '../../../model/snapshot/mod.ts'
import type { PolicySink, PolicySource } from '../source.ts'
import { loadAside } from './load-aside.ts'
import { type FileToLoad, type LoadedFile, loadFile, NOT_READ, sizeOfFile } from './load-file.ts'
import { identityOf, watchFile } from './watch-file.ts'

/** What we need of a logger; pino is one. */
export interface FileSourceLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface FileSourceOptions extends FileToLoad {
  readonly log: FileSourceLog
  /** How changes are noticed; the default watches the file system. Returns the function that ends it. */
  readonly watch?: (path: string, changed: () => void) => () => void
  /** How a large file is loaded while requests go on; the default uses a thread. */
  readonly load?: (file: FileToLoad) => ReturnType<typeof loadAside>
}

/** To load a smaller file takes less than 50 ms; to start a thread for it takes as long. */
const ASIDE_BYTES_MIN = 64 * 1024
/** Rests before a file that could not be read is read again: it may be being replaced, or no descriptor may be free for a moment. */
const RETRY_MS: readonly number[] = [50, 200, 1_000]

/**
 * Policy from a file of resources. A good edit is applied as one update that holds what changed; a faulty one is logged with every
 * problem, and the last good one stays. One that could not be read is read again, and large ones are loaded in a thread of their own.
 */
export function fileSource(options: FileSourceOptions): PolicySource {
  const { path, log, watch = watchFile, load = loadAside } = options
  let applied: LoadedFile | undefined
  let sink: PolicySink | undefined
  let stopWatching: (() => void) | undefined
  let retry: NodeJS.Timeout | undefined
  let failures = 0
  /** While a file is loaded aside: whether it has changed meanwhile. */
  let aside: { changed: boolean } | undefined

  const reload = (): void => {
    clearTimeout(retry)
    if (sink === undefined) return
    if (aside !== undefined) {
      aside.changed = true
      return
    }
    // At the start nothing waits for us but the policy itself.
    if (applied === undefined || sizeOfFile(path) < ASIDE_BYTES_MIN) take(loadFile(options))
    else void reloadAside()
  }

  const reloadAside = async (): Promise<void> => {
    const loading = { changed: false }
    aside = loading
    const file = identityOf(path)
    const loaded = await load(options)
    aside = undefined
    if (!loading.changed) {
      take(loaded)
      return
    }
    // What has changed meanwhile is newer than what was read. But a file that was replaced was whole, and who replaces it all the time is heard, too.
    if (loaded.ok && identityOf(path) !== file) take(loaded)
    reload()
  }

  const take = (loaded: ReturnType<typeof loadFile>): void => {
    if (!loaded.ok) {
      const restMs = RETRY_MS[failures]
      if (restMs !== undefined && loaded.error[0]?.message.startsWith(NOT_READ) === true) {
        failures++
        retry = setTimeout(reload, restMs)
        retry.unref()
      } else {
        failures = 0
        logRefusal(log, path, loaded.error.map(formatProblem), applied)
      }
      return
    }
    failures = 0
    if (sink === undefined || loaded.value.revision === applied?.revision) return
    logWarnings(log, path, loaded.value.warnings)
    const update = changesBetween(applied, loaded.value)
    const answer = sink.apply(update)
    if (!answer.ok) {
      logRefusal(log, path, refusalsOf(answer), applied)
      return
    }
    applied = loaded.value
    const settling = sink.settling?.()
    if (settling === undefined) logApplied(log, path, update)
    else void settling.then(() => logApplied(log, path, update))
  }

  return {
    start(to) {
      sink = to
      // Watching begins first: what is written while we read is noticed.
      stopWatching = watch(path, reload)
      reload()
    },
    /** Everything in the file has been applied: what is asked for is absent, and that is said at once. */
    want(service) {
      if (applied === undefined || applied.services.has(service)) return
      sink?.apply({ revision: applied.revision, self: undefined, services: [], endpoints: [], absent: [service] })
    },
    findOwner(address, found) {
      if (applied === undefined) return false
      found(applied.owners.get(address) ?? { kind: 'nobody' })
      return true
    },
    connected: () => applied !== undefined,
    async close() {
      stopWatching?.()
      clearTimeout(retry)
      sink = undefined
    },
  }
}

function changesBetween(before: LoadedFile | undefined, after: LoadedFile): SnapshotUpdate {
  return {
    revision: after.revision,
    self: isDeepStrictEqual(before?.self, after.self) ? undefined : after.self,
    services: changedValues(before?.services, after.services),
    endpoints: changedValues(before?.endpoints, after.endpoints),
    absent: [...(before?.services.keys() ?? [])].filter(key => !after.services.has(key)).sort(),
  }
}

function changedValues<Value>(
  before: ReadonlyMap<ServiceKey, Value> | undefined,
  after: ReadonlyMap<ServiceKey, Value>,
): Value[] {
  const changed: Value[] = []
  for (const [key, value] of after) if (!isDeepStrictEqual(before?.get(key), value)) changed.push(value)
  return changed
}

function refusalsOf(answer: Extract<ReturnType<PolicySink['apply']>, { ok: false }>): string[] {
  return answer.error.map(({ resource, field, message }) => `${resource}: ${field} ${message}`)
}

function logApplied(log: FileSourceLog, path: string, update: SnapshotUpdate): void {
  const { revision, services, endpoints, absent } = update
  const counts = { services: services.length, endpoints: endpoints.length, absent: absent.length }
  log.info({ path, revision, ...counts }, 'Applied the policy file')
}

function logRefusal(log: FileSourceLog, path: string, problems: readonly string[], last: LoadedFile | undefined): void {
  const consequence =
    last === undefined ? 'there is no policy until it is mended' : `revision ${last.revision} stays in force`
  log.error({ path, problems }, `Cannot apply the policy file: it has ${problems.length} problem(s); ${consequence}`)
}

function logWarnings(log: FileSourceLog, path: string, warnings: readonly ResourceProblem[]): void {
  if (warnings.length === 0) return
  log.warn({ path, warnings: warnings.map(formatProblem) }, 'The policy file has references that lead nowhere')
}
