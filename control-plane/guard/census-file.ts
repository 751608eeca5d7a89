import { join } from 'node:path'
import { readPrivateFile, writePrivateFile } from '../../common/folders/mod.ts'
import type { Census } from './census.ts'

/** In the data folder, beside the store and not in it: a store that has lost something would have lost this too. */
const CENSUS_FILE = 'census.json'
const FILE_BYTES_MAX = 64 * 1024
/** Commits come in bursts; what a crash leaves out, the audit log tells. */
const QUIET_MS = 500

/** Remembers how much there was. */
export interface CensusFile {
  /** As it was when the control plane ended; `undefined`: nothing is known. */
  readonly before: Census | undefined
  /** Written soon. */
  note(census: Census): void
  /** Writes what is not written yet. */
  close(): Promise<void>
}

export function openCensusFile(dataDir: string, log: { warn(message: string): void }): CensusFile {
  const path = join(dataDir, CENSUS_FILE)
  let newest: Census | undefined
  let timer: NodeJS.Timeout | undefined
  let writing = Promise.resolve()

  function write(): void {
    timer = undefined
    const census = newest
    newest = undefined
    if (census === undefined) return
    writing = writing.then(async () => {
      const written = await writePrivateFile(path, [`${JSON.stringify(census)}\n`])
      if (!written.ok) log.warn(`${written.error}; a loss in the store would not be noticed at the next start`)
    })
  }

  return {
    before: read(path, log),
    note(census) {
      newest = census
      timer ??= setTimeout(write, QUIET_MS)
      timer.unref()
    },
    async close() {
      clearTimeout(timer)
      write()
      await writing
    },
  }
}

function read(path: string, log: { warn(message: string): void }): Census | undefined {
  const file = readPrivateFile(path, FILE_BYTES_MAX)
  if (!file.ok) log.warn(file.error)
  if (!file.ok || file.value === undefined) return undefined
  try {
    const { revision, counts } = JSON.parse(file.value.toString('utf8')) as Partial<Census>
    if (typeof revision !== 'number' || typeof counts !== 'object') return undefined
    return { revision, counts }
  } catch {
    log.warn(`Cannot read ${path}: it is not what was written; a new one is begun`)
    return undefined
  }
}
