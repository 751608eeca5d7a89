import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readResourceFiles } from './resource-files.ts'

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n'
let dir = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-test-'))
})

afterEach(() => rmSync(dir, { recursive: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(dir, name)
  writeFileSync(path, content)
  return path
}

describe('files of resources', () => {
  test('are read in their order', async () => {
    const files = [file('b.yaml', SERVICE.replace('a}', 'b}')), file('a.yaml', SERVICE)]
    const names = (await readResourceFiles(files)).map(({ metadata }) => metadata.name)
    expect(names).toEqual(['b', 'a'])
  })

  test.each([
    ['that is not there', () => join(dir, 'nope'), /there is no file .*nope; check the path$/],
    ['that is a folder', () => dir, /it is a folder; name the files in it$/],
    ['without end', () => '/dev/zero', /it has more than 4194304 bytes; split it$/],
    ['that is no text', () => file('utf16', Buffer.from([0xff, 0xfe, 0x61, 0])), /it is not text in UTF-8/],
    ['that is empty', () => file('empty', ''), /no resource is in there$/],
    [
      'with a fault',
      () => file('fault', SERVICE.replace('80', '0')),
      /Service default\/a, line 4: spec.ports\[0\].port/,
    ],
  ])('a file %s is refused in one sentence', async (_, path, words) => {
    await expect(readResourceFiles([path()])).rejects.toThrow(words)
  })
})
