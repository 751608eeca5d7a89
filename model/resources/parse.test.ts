import { describe, expect, test } from 'vitest'
import { formatProblem, parseResources, resourceId } from './mod.ts'
import { RESOURCES_MAX, TEXT_BYTES_MAX } from './parse.ts'

const SERVICE = `apiVersion: v1
kind: Service
metadata:
  name: reviews
spec:
  ports:
    - port: 80
`

function problemsOf(text: string): string[] {
  const result = parseResources(text)
  return result.ok ? [] : result.error.map(formatProblem)
}

function idsOf(text: string): string[] {
  const result = parseResources(text)
  return result.ok ? result.value.map(resourceId) : []
}

const named = (name: string) => SERVICE.replace('reviews', name)

describe('what is read', () => {
  test.each([
    ['nothing', '', []],
    ['comments alone', '# a file\n', []],
    ['one document', SERVICE, ['Service default/reviews']],
    [
      'several, and empty ones between',
      `---\n${SERVICE}---\n---\n${named('b')}`,
      ['Service default/reviews', 'Service default/b'],
    ],
    ['a byte order mark', `\uFEFF${SERVICE}`, ['Service default/reviews']],
    ['CRLF line ends', SERVICE.replaceAll('\n', '\r\n'), ['Service default/reviews']],
    [
      'JSON',
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":80}]}}',
      ['Service default/a'],
    ],
    [
      'a List',
      `kind: List\napiVersion: v1\nitems:\n- ${SERVICE.replaceAll('\n', '\n  ')}`,
      ['Service default/reviews'],
    ],
    [
      "the API's own answer to a list",
      `kind: ServiceList\napiVersion: v1\nmetadata: {resourceVersion: "7"}\nitems:\n- ${SERVICE.replaceAll('\n', '\n  ')}`,
      ['Service default/reviews'],
    ],
    ["the API's own question", `resources:\n- ${SERVICE.replaceAll('\n', '\n  ')}`, ['Service default/reviews']],
    ['a bare list', `- ${SERVICE.replaceAll('\n', '\n  ')}`, ['Service default/reviews']],
    ['a few aliases', `${SERVICE}      name: &n http\n      targetPort: *n\n`, ['Service default/reviews']],
  ])('%s', (_, text, ids) => {
    expect(problemsOf(text)).toEqual([])
    expect(idsOf(text)).toEqual(ids)
  })
})

describe('what is refused', () => {
  test('each fault has the line of its field', () => {
    const text = `${SERVICE}      nodePrt: 1\n---\n${named('b').replace('port: 80', 'port: 0')}`
    expect(problemsOf(text)).toEqual([
      'Service default/reviews, line 8: spec.ports[0].nodePrt is unknown: known are name, port, targetPort, appProtocol, protocol',
      'Service default/b, line 16: spec.ports[0].port must be at least 1, not 0',
    ])
  })

  test('a missing field has the line of what should hold it', () => {
    expect(problemsOf(SERVICE.replace('    - port: 80', '    - name: a'))).toEqual([
      'Service default/reviews, line 7: spec.ports[0].port is missing',
    ])
  })

  test('faults in a List have their line too', () => {
    const text = `kind: List\nitems:\n- ${SERVICE.replace('80', '0').replaceAll('\n', '\n  ')}`
    expect(problemsOf(text)).toEqual(['Service default/reviews, line 9: spec.ports[0].port must be at least 1, not 0'])
  })

  test('one bad document refuses all, and the good ones are not complained of', () => {
    expect(parseResources(`${SERVICE}---\nkind: Nothing\n`)).toMatchObject({
      ok: false,
      error: [{ resource: 'document 2' }],
    })
  })

  test.each([
    ['what is not YAML', '{a: b\nc', /^document 1, line 2: is not YAML: /],
    ['a duplicate key', `${SERVICE}kind: Service\n`, /^document 1, line 8: kind is given twice in one object$/],
    [
      'a duplicate key in JSON, of which others would take the last',
      '{"kind":"Service","apiVersion":"v1",\n"metadata":{"name":"a","na\\u006de":"b"},"spec":{"ports":[{"port":80}]}}',
      /^document 1, line 2: name is given twice in one object$/,
    ],
    [
      '{"resources": [...]} with something beside it',
      '{"resources":[],"dryRun":"All"}',
      /^document 1.*: kind is missing/,
    ],
    ['the list of a kind that nobody knows', 'kind: SecretList\nitems: []\n', /^document 1.*: kind is "SecretList"/],
    ['an alias without its anchor', 'a: *b', /^document 1: cannot be read: Unresolved alias/],
    ['a tag that runs code elsewhere', 'a: !!js/function "x"', /is unknown|kind is missing/],
    [
      'the same resource twice',
      `${SERVICE}---\n${SERVICE}`,
      /^Service default\/reviews, line 9: is given twice, in document 1 too$/,
    ],
    ['too deep a nesting in JSON', '{"a":'.repeat(100) + 1 + '}'.repeat(100), /nested deeper than 64 levels/],
    ['too deep a nesting in YAML', '['.repeat(100_000), /^text: is nested deeper than 64 levels$/],
    ['lists within lists without end', '- '.repeat(1_000_000), /^text: has more than 1500000 tokens: split it$/],
    ['documents without end', '---\n'.repeat(10_001), /^text: holds more than 10000 documents: split it$/],
    [
      'a text of more than 4 MiB',
      `# ${'x'.repeat(TEXT_BYTES_MAX)}`,
      /^text: has 4194306 bytes: at most 4194304 are read$/,
    ],
    ['too many resources', `[${'1,'.repeat(RESOURCES_MAX)}1]`, /^text: holds 10001 resources: at most 10000 are read$/],
    ['__proto__', `${SERVICE}__proto__: {x: 1}\n`, /__proto__ is not a name that a field can have$/],
  ])('%s [API-5]', (_, text, problem) => {
    expect(problemsOf(text)[0]).toMatch(problem)
  })

  test('an alias bomb is not unfolded [API-5]', () => {
    const levels = 'bcdefghij'.split('').map((name, index) => {
      const before = 'abcdefghij'[index]
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`
    })
    expect(problemsOf(`a: &a [x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}`)).toEqual([
      'document 1: cannot be read: Excessive alias count indicates a resource exhaustion attack (at most 100 are followed)',
    ])
  })

  test('a map of 50,000 keys costs time that grows with it, and no more [API-5]', { timeout: 20_000 }, () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => `k${index}: 1`)
    const began = process.cpuUsage()
    // Looked at as fields that a Service doesn't have, and as a map without faults of syntax.
    expect(problemsOf(`${SERVICE}${keys.join('\n')}\n`)).toHaveLength(101)
    // Comparing each with every other takes a quarter of a minute; this, less than a second.
    expect(process.cpuUsage(began).user / 1_000).toBeLessThan(5_000)
  })

  test('what a stranger wrote cannot move the cursor of a terminal', () => {
    const text =
      'apiVersion: v1\nkind: Service\nmetadata: {name: "\\e[2J"}\nspec: {ports: [{port: 80}], "\\e[1mx\\x9b": 1}\n'
    const problems = problemsOf(text)
    expect(problems).toHaveLength(2)
    expect(problems.join('')).not.toMatch(/\p{Cc}/u)
  })

  test('of very many faults the first hundred are told', () => {
    const problems = problemsOf(`[${'1,'.repeat(150)}1]`)
    expect(problems).toHaveLength(101)
    expect(problems.at(-1)).toBe('text: has 51 more problems')
  })
})
