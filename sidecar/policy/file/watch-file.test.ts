import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchFile } from './watch-file.ts'

let folder = ''
let path = ''
let stop: () => void = () => {}
let changes = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selvedge-watch-file-'))
  path = join(folder, 'mesh.yaml')
  changes = 0
  writeFileSync(path, 'one')
})
afterEach(() => {
  stop()
  rmSync(folder, { recursive: true, force: true })
})

const begin = () => {
  stop = watchFile(path, () => changes++, 20)
}
const changesAre = (count: number) => vi.waitFor(() => expect(changes).toBe(count), { timeout: 5000, interval: 5 })

test('a write is noticed', async () => {
  begin()
  writeFileSync(path, 'two')
  await changesAre(1)
})

test('a burst of writes is one change', async () => {
  begin()
  for (let i = 0; i < 20; i++) writeFileSync(path, `${i}`)
  await changesAre(1)
})

test('a file that is replaced by a rename is noticed, each time', async () => {
  begin()
  for (const round of [1, 2, 3]) {
    writeFileSync(`${path}.swp`, `round ${round}`)
    renameSync(`${path}.swp`, path)
    await changesAre(round)
  }
})

test('a file that is replaced over and over is noticed meanwhile', async () => {
  begin()
  let round = 0
  const replacing = setInterval(() => {
    writeFileSync(`${path}.new`, `round ${round++}`)
    renameSync(`${path}.new`, path)
  }, 10)
  await vi.waitFor(() => expect(changes).toBeGreaterThanOrEqual(2), { timeout: 5000, interval: 5 })
  clearInterval(replacing)
})

test('a file that is written to over and over is not read half', async () => {
  begin()
  // The machine may rest where we don't.
  let rests = 0
  let beforeMs = performance.now()
  for (let round = 0; round < 60; round++) {
    appendFileSync(path, `round ${round}`)
    await new Promise(resolve => setTimeout(resolve, 10))
    if (performance.now() - beforeMs > 40) rests++
    beforeMs = performance.now()
  }
  expect(changes).toBeLessThanOrEqual(rests)
  await vi.waitFor(() => expect(changes).toBeGreaterThan(0), { timeout: 5000, interval: 5 })
})

test('a swapped symbolic link elsewhere on the path is noticed by the recheck', async () => {
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(folder, version))
    writeFileSync(join(folder, version, 'mesh.yaml'), version)
  }
  symlinkSync(join(folder, 'v1'), join(folder, 'data'))
  path = join(folder, 'data', 'mesh.yaml')
  begin()
  symlinkSync(join(folder, 'v2'), join(folder, 'next'))
  renameSync(join(folder, 'next'), join(folder, 'data'))
  await changesAre(1)
})

test('a folder that is not there yet is watched once it is', async () => {
  path = join(folder, 'later', 'mesh.yaml')
  begin()
  mkdirSync(join(folder, 'later'))
  writeFileSync(path, 'one')
  await changesAre(1)
})
