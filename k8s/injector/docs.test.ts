import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { annotationsTable } from './mod.ts'

test('docs/kubernetes.md tells all annotations, as they are', () => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/kubernetes.md', import.meta.url)), 'utf8')
  const told = page.split('\n').filter(line => line.startsWith('| `selvedge.dev/'))
  const rows = annotationsTable().map(
    ({ name, value, fallback, help }) => `| \`${name}\` | ${value.replaceAll('|', '\\|')} | ${fallback} | ${help} |`,
  )
  expect(told).toEqual([
    '| `selvedge.dev/inject` | true, false | true | `false` keeps the sidecar out; a label says it, too |',
    ...rows,
  ])
})
