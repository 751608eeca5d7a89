import { type FSWatcher, type Stats, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Editors write in several steps; what is read between them is half a file. */
const QUIET_MS = 50
/** Who replaces the file over and over, never quiet for so long, is read all the same: a file that came by a rename is whole. */
const NOISE_MS_MAX = 500
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
  let noise = { sinceMs: 0, file: '' }

  const tell = () => {
    clearTimeout(quiet)
    quiet = undefined
    seen = stampOf(path)
    changed()
  }
  const notice = () => {
    const nowMs = performance.now()
    if (quiet === undefined) noise = { sinceMs: nowMs, file: identityOf(path) }
    else if (nowMs - noise.sinceMs > NOISE_MS_MAX && identityOf(path) !== noise.file) {
      tell()
      return
    }
    clearTimeout(quiet)
    quiet = setTimeout(tell, QUIET_MS)
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

/** Which file is there: another one after a rename, the same after a write. Empty where none is. */
export function identityOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? '' : `${stats.ino} ${stats.birthtimeMs}`
}

/** What differs between two states of a file, without reading it. */
function stampOf(path: string): string {
  const stats: Stats | undefined = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs}`
}
