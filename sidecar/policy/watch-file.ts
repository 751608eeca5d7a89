import { type FSWatcher, type Stats, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Editors write in several steps; what is read between them is half a file. */
const QUIET_MS = 50
/** Not every change is told: network file systems, symbolic links that are swapped (as in a mounted ConfigMap), a folder made anew. */
const RECHECK_MS = 2000

/**
 * Calls `changed` after the file at `path` may have changed: its content, or the file itself, replaced by a rename. The folder is
 * watched, since a watch on the file would stay with the old one. Returns the function that ends it.
 */
export function watchFile(path: string, changed: () => void, recheckMs: number = RECHECK_MS): () => void {
  let seen = stampOf(path)
  let quiet: NodeJS.Timeout | undefined
  let watcher: FSWatcher | undefined

  const notice = () => {
    clearTimeout(quiet)
    quiet = setTimeout(() => {
      quiet = undefined
      seen = stampOf(path)
      changed()
    }, QUIET_MS)
    quiet.unref()
  }
  const recheck = setInterval(() => {
    if (watcher === undefined) watcher = watchFolder(path, notice, () => (watcher = undefined))
    if (quiet === undefined && stampOf(path) !== seen) notice()
  }, recheckMs)
  recheck.unref()
  watcher = watchFolder(path, notice, () => (watcher = undefined))

  return () => {
    clearTimeout(quiet)
    clearInterval(recheck)
    watcher?.close()
  }
}

/** `undefined`: the folder can't be watched now; the recheck goes on, and tries again. */
function watchFolder(path: string, notice: () => void, ended: () => void): FSWatcher | undefined {
  const name = basename(path)
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_, changedName) => {
      // Some systems don't say which name changed.
      if (changedName === null || changedName === name) notice()
    })
    watcher.on('error', () => {
      watcher.close()
      ended()
    })
    return watcher
  } catch {
    return undefined
  }
}

/** What differs between two states of a file, without reading it. */
function stampOf(path: string): string {
  const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`
}
