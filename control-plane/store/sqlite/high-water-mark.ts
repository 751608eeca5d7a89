import { createHash } from 'node:crypto'
import { closeSync, fdatasyncSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { err, ok, type Result } from '../../../common/mod.ts'

/** How far the database had got when something was last acknowledged. */
export interface HighWaterMark {
  readonly sequence: number
  readonly revision: number
}

/** As large as what a disk writes at once: half of a write damages one slot, never both. */
const SLOT_BYTES = 512
const SLOTS = 2

/**
 * A file of two slots, written in turn. The database is written first, and the mark before the writer is answered: a crash in between
 * leaves a database that is ahead, which is no fault. One that is behind has lost what was acknowledged.
 */
export class MarkFile {
  readonly #file: number

  /** Opens the file, or makes it. Throws what the file system says. */
  constructor(path: string, now: HighWaterMark) {
    this.#file = openFile(path)
    for (let slot = 0; slot < SLOTS; slot++) this.#put(slot, now)
    fsyncSync(this.#file)
    const folder = openSync(dirname(path), 'r')
    fsyncSync(folder)
    closeSync(folder)
  }

  /** On the disk when this returns. */
  write(mark: HighWaterMark): void {
    this.#put(mark.sequence % SLOTS, mark)
    fdatasyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }

  #put(slot: number, mark: HighWaterMark): void {
    writeSync(this.#file, slotText(mark), slot * SLOT_BYTES, 'latin1')
  }
}

/** What the file says; `undefined` where there is none. One damaged slot may be a write that a crash has cut; two are a fault. */
export function readMark(path: string): Result<HighWaterMark | undefined, string> {
  let text: string
  try {
    text = readFileSync(path, 'latin1')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ok(undefined)
    throw error
  }
  const marks = []
  for (let i = 0; i < SLOTS; i++) {
    const [, sequence, revision] = text.slice(i * SLOT_BYTES, (i + 1) * SLOT_BYTES).split(' ')
    const mark = { sequence: Number(sequence), revision: Number(revision) }
    if (text.startsWith(slotText(mark), i * SLOT_BYTES)) marks.push(mark)
  }
  const [newest] = marks.sort((a, b) => b.sequence - a.sequence)
  return newest === undefined ? err('is damaged') : ok(newest)
}

function slotText({ sequence, revision }: HighWaterMark): string {
  const text = `selvedge-mark ${sequence} ${revision}`
  return `${text} ${createHash('sha256').update(text).digest('hex')}\n`.padEnd(SLOT_BYTES - 1).concat('\n')
}

function openFile(path: string): number {
  try {
    return openSync(path, 'r+')
  } catch {
    return openSync(path, 'wx+', 0o600)
  }
}
