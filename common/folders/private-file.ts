import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { err, ok, type Result } from '../mod.ts'

const OWNER_ALONE = 0o600
const GROUP_AND_OTHERS = 0o077

/**
 * Reads a file that is its owner's alone; `undefined` where there is none. Refused, in words: one that is somebody else's, that others
 * may read or write, that is a link, or that has more than `bytesMax` bytes.
 */
export function readPrivateFile(path: string, bytesMax: number): Result<Buffer | undefined, string> {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? ok(undefined) : err(`Cannot read ${path}: ${reasonOf(error)}`)
  }
  try {
    const { mode, uid, size } = fstatSync(file)
    if (uid !== process.getuid?.()) return err(`Cannot use ${path}: it belongs to another user; delete it`)
    if ((mode & GROUP_AND_OTHERS) !== 0) {
      return err(
        `Cannot use ${path}: others can read or write it; delete it, or run chmod 600 on it if you trust what it holds`,
      )
    }
    if (size > bytesMax) return err(`Cannot use ${path}: it has more than ${bytesMax} bytes; delete it`)
    return ok(readFileSync(file))
  } catch (error) {
    return err(`Cannot read ${path}: ${reasonOf(error)}`)
  } finally {
    closeSync(file)
  }
}

/**
 * Writes a file for its owner's eyes alone (0600), whole or not at all: who reads it, and whoever finds it after a crash, sees the old
 * text or the new. `chunks` are taken one after the other, with turns of the event loop between them. One writer at a time.
 */
export async function writePrivateFile(path: string, chunks: Iterable<string | Buffer>): Promise<Result<void, string>> {
  const fresh = `${path}.new`
  try {
    // What a crash has left may have any mode.
    await rm(fresh, { force: true })
    const file = await open(fresh, 'wx', OWNER_ALONE)
    try {
      for (const chunk of chunks) await file.appendFile(chunk)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, path)
    const folder = await open(dirname(path), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
    return ok(undefined)
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined)
    return err(`Cannot write ${path}: ${reasonOf(error)}`)
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
