import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments, stringify } from 'yaml'
import { defaultSettings, type Injected } from '../../k8s/injector/mod.ts'
import { injectText } from './inject-text.ts'

const FOLDER = fileURLToPath(new URL('../../test/golden/inject/', import.meta.url))
const SETTINGS = defaultSettings('1.2.3')

function injected(text: string) {
  const result = injectText(text, SETTINGS)
  if (!result.ok) throw new Error(result.error)
  return result.value
}

function told({ title, outcome }: Injected): string {
  if (outcome.kind === 'skipped' || outcome.kind === 'refused') return `${outcome.kind} ${title}: ${outcome.why}`
  const warnings = outcome.kind === 'injected' ? outcome.warnings : []
  return [`${outcome.kind} ${title}`, ...warnings].join('; ')
}

describe('a manifest gets its sidecars as the golden file shows', () => {
  test.each(readdirSync(FOLDER).filter(name => name.endsWith('.in.yaml')))('%s', async name => {
    const input = readFileSync(`${FOLDER}${name}`, 'utf8')
    const { text, outcomes, notes } = injected(input)
    const shown = [...outcomes.map(told), ...notes].map(line => `#= ${line}\n`).join('')
    await expect(`${shown}${text}`).toMatchFileSnapshot(`${FOLDER}${name.replace('.in.', '.out.')}`)
    // Once more: the same bytes.
    const again = injected(text)
    expect(again.text).toBe(text)
    expect(again.outcomes.filter(({ outcome }) => outcome.kind === 'injected')).toEqual([])
  })
})

test('what has nothing to inject is the same text, to the last space', () => {
  const text = "# a comment\n\n\nkind:   Service\nmetadata: {name: 'x'  }   # odd\n...\n---\n"
  expect(injected(text)).toMatchObject({ text, outcomes: [], notes: [] })
})

test.each([
  ['kind: [', /flow|collection|end/i],
  ['a: 1\na: 2', /unique/i],
  [`a: &a [1]\n${'b: [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n'}c: *none`, /alias|anchor/i],
])('%j is no YAML, and the error says why', (text, words) => {
  const result = injectText(text, SETTINGS)
  expect(result).toMatchObject({ ok: false, error: expect.stringMatching(words) })
})

test('aliases that would fill all memory are refused', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
    .split('')
    .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(',')}]\n`)
    .join('')}`
  expect(injectText(bomb, SETTINGS)).toMatchObject({ ok: false })
})

test('the text says what the value says, whatever else is in it', () => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/)
  const value = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('yes', '0644', '1e3', '~', '# x'),
  )
  const extras = fc.dictionary(word, fc.oneof(value, fc.array(value, { maxLength: 3 })), {
    maxKeys: 4,
    noNullPrototype: true,
  })
  fc.assert(
    fc.property(extras, extras, fc.array(word, { maxLength: 3 }), (metadata, spec, names) => {
      const own = ['name', 'labels', 'annotations', 'containers', 'volumes', 'os']
      const clean = (of: object) => Object.fromEntries(Object.entries(of).filter(([name]) => !own.includes(name)))
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...clean(metadata), name: 'x' },
        spec: { ...clean(spec), containers: [{ name: 'app' }, ...names.map(name => ({ name, image: name }))] },
      }
      const { text, resources } = injected(stringify(pod, { version: '1.1' }))
      const shown = parseAllDocuments(text, { version: '1.1', customTags: withoutDates }).map(document =>
        document.toJS(),
      )
      expect(shown).toEqual(resources)
    }),
    { numRuns: 300 },
  )
})

function withoutDates(tags: readonly unknown[]) {
  return tags.filter(
    tag => !(typeof tag === 'object' && tag !== null && 'tag' in tag && tag.tag === 'tag:yaml.org,2002:timestamp'),
  ) as never[]
}
