import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../../common/mod.ts'
import { openSqliteStore } from '../../../control-plane/store/sqlite/mod.ts'
import { figures, times } from '../../loop/loop.ts'
import { everythingIn, type Image, type Images, makeImages } from './images.ts'

const FILES = ['selvedge.db', 'selvedge.db-wal', 'selvedge.mark']
/** What a disk loses at once. */
const SECTOR_BYTES = 512

type Damage = (bytes: Buffer) => Buffer

const DAMAGES: Readonly<Record<string, Damage>> = {
  'a flipped bit': bytes => {
    const at = below(bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
    return bytes
  },
  'another byte': bytes => {
    bytes[below(bytes.length)] = below(256)
    return bytes
  },
  'a torn tail': bytes => bytes.subarray(0, below(bytes.length)),
  'an empty sector': bytes => {
    const at = below(Math.ceil(bytes.length / SECTOR_BYTES)) * SECTOR_BYTES
    return bytes.fill(0, at, at + SECTOR_BYTES)
  },
}

describe('[DATA-3] damage to a file of the store', () => {
  let images: Images
  beforeAll(async () => {
    images = await makeImages()
  })
  afterAll(() => images.remove())

  for (const [name, damage] of Object.entries(DAMAGES)) {
    it(`is found, or harms nothing: ${name}, anywhere`, async context => {
      const tries = times(20, 1_500)
      const count = { refused: 0, harmless: 0 }
      for (let i = 0; i < tries; i++) {
        const image = i % 2 === 0 ? images.killed : images.closed
        count[await tryDamaged(image, FILES[i % FILES.length] ?? '', damage)]++
      }
      expect(count.refused + count.harmless).toBe(tries)
      expect(count.refused).toBeGreaterThan(0)
      figures(context, { [`${name}: tries`]: tries, ...count, silentLosses: 0 })
    })
  }

  it('is nothing that the images have of themselves', async () => {
    for (const image of [images.closed, images.killed]) {
      expect(await tryDamaged(image, 'selvedge.db', bytes => bytes)).toBe('harmless')
    }
    expect(existsSync(join(images.killed.folder, 'selvedge.db-wal'))).toBe(true)
  })

  it('is found when a whole file is gone: the database, or its log after a kill', async () => {
    for (const name of ['selvedge.db', 'selvedge.db-wal']) {
      const { folder, remove } = copyOf(images.killed)
      rmSync(join(folder, name))
      const opened = await openSqliteStore({ dataDir: folder, clock: systemClock })
      expect(opened).toMatchObject({ ok: false, error: expect.stringContaining('Cannot open the store') })
      remove()
    }
  })
})

/** A copy of the image with one file damaged is opened: refused in words and left as it was, or all that was acknowledged is there. */
async function tryDamaged(image: Image, name: string, damage: Damage): Promise<'refused' | 'harmless'> {
  const { folder, remove } = copyOf(image)
  const path = join(folder, existsSync(join(folder, name)) ? name : 'selvedge.db')
  writeFileSync(path, damage(readFileSync(path)))
  const before = contentsOf(folder)
  const opened = await openSqliteStore({ dataDir: folder, clock: systemClock })
  try {
    if (!opened.ok) {
      expect(opened.error).toMatch(/^Cannot open the store.*[.)] .*(Restore|Put|Use|Check|Run)/s)
      expect(contentsOf(folder), `what is damaged is left to experts: ${opened.error}`).toEqual(before)
      return 'refused'
    }
    const found = await everythingIn(opened.value)
    await opened.value.close()
    expect(found, `damage to ${name} went unseen`).toEqual(image.truth)
    return 'harmless'
  } finally {
    remove()
  }
}

function copyOf({ folder }: Image): { readonly folder: string; remove(): void } {
  const copy = mkdtempSync(join(tmpdir(), 'selvedge-damaged-'))
  cpSync(folder, copy, { recursive: true })
  return { folder: copy, remove: () => rmSync(copy, { recursive: true, force: true }) }
}

function contentsOf(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(readdirSync(folder).map(name => [name, sha256(readFileSync(join(folder, name)))]))
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit)
}
