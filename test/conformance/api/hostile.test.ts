import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serviceKey } from '../../../common/mod.ts'
import { matchRoute, prepareRoutes } from '../../../decide/route/mod.ts'
import { MESH, Plane, ROUTES, route, SERVICES, service } from './plane.ts'

const APPLY = `${MESH}/apply`
const MIB = 1024 * 1024
const fill = (text: string, bytes = 4 * MIB): string => text.repeat(Math.floor(bytes / text.length))

/**
 * What a hostile text may cost, and so keep the control plane from anything else, in milliseconds of processor time: a time that a busy
 * machine doesn't stretch. Measured: 50 to 250. Without bounds these texts take 3 s to a minute.
 */
const COST_MS_MAX = 1_500

/** Of the process, since `from`. */
function costMs(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1_000
}

describe('[API-5] a hostile body', () => {
  const plane = new Plane()
  beforeAll(() => plane.start())
  afterAll(() => plane.close())

  const aliases = (): string => {
    const levels = [...'bcdefghij'].map(
      (name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[index]}`)}]`,
    )
    return `a: &a [x,x,x,x,x,x,x,x,x]\n${levels.join('\n')}\n`
  }
  const keys = (count: number): string => Array.from({ length: count }, (_, index) => `k${index}: 1`).join('\n')

  it.each([
    ['a bomb of aliases', aliases()],
    ['aliases without end', `a: &a x\nb: [${fill('*a,', 300_000)}*a]`],
    ['brackets of YAML', fill('[', MIB)],
    ['brackets of JSON', `${'['.repeat(2_000_000)}${']'.repeat(2_000_000)}`],
    ['objects within objects', `${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}`],
    ['dashes', fill('- ', MIB - 10)],
    ['a map of very many keys', keys(60_000)],
    ['JSON of very many keys', `{${Array.from({ length: 300_000 }, (_, index) => `"k${index}":1`).join(',')}}`],
    ['a list of very many numbers', `{"resources":[${fill('1,', 3 * MIB)}1]}`],
    ['lines of nothing', fill('\n', 4 * MIB)],
    ['comments', fill('#\n', 4 * MIB)],
    ['one long text in many lines', fill('a\n\n', 4 * MIB)],
    ['anchors', fill('- &a b\n', 4 * MIB)],
    ['documents', fill('---\na\n', MIB)],
    ['strings within quotes', fill('- "a"\n', MIB)],
    ['__proto__', '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","__proto__":{"x":1}},"spec":{}}'],
    [
      'constructor.prototype',
      '{"apiVersion":"v1","kind":"Service","metadata":{"name":"a","constructor":{"prototype":{"x":1}}},"spec":{}}',
    ],
  ])('of %s is refused, fast, and pollutes nothing', { timeout: 30_000 }, async (_, text) => {
    const began = process.cpuUsage()
    const { code, json } = await plane.call('POST', APPLY, text)
    const cost = costMs(began)
    expect([400, 413, 422]).toContain(code)
    expect(json.message).toMatch(/^Cannot /)
    expect(json.message.length).toBeLessThan(50_000)
    expect(cost).toBeLessThan(COST_MS_MAX)
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false)
    expect((await plane.call('GET', SERVICES)).json.items).toEqual([])
  })

  it.each(['content-length', 'transfer-encoding'])(
    'of 100 MB, told by its %s, is refused before it is read',
    async how => {
      const chunk = Buffer.alloc(MIB, 'x')
      let sent = 0
      const code = await new Promise<number>(resolve => {
        const call = request(
          `${plane.url}${APPLY}`,
          {
            method: 'POST',
            headers: {
              authorization: `Bearer ${plane.token}`,
              'content-type': 'application/json',
              ...(how === 'content-length' ? { [how]: 100 * MIB } : { [how]: 'chunked' }),
            },
          },
          response => {
            response.resume()
            resolve(response.statusCode ?? 0)
          },
        )
        // It may be cut off in the middle of what is left.
        call.on('error', () => {})
        const more = (): void => {
          while (sent < 100 && !call.destroyed) {
            sent++
            if (!call.write(chunk)) return void call.once('drain', more)
          }
        }
        more()
      })
      expect(code).toBe(413)
      expect(sent).toBeLessThan(50)
      expect((await plane.call('GET', '/healthz')).code).toBe(200)
    },
  )

  it('as a patch is refused too', async () => {
    await plane.apply(service('a'))
    const patch = (body: string) =>
      plane.call('PATCH', `${SERVICES}/a`, body, { 'content-type': 'application/merge-patch+json' })
    expect((await patch(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)).code).toBe(400)
    expect((await patch('{"__proto__":{"x":1},"metadata":{"__proto__":{"x":1}}}')).code).toBe(422)
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false)
    await plane.call('DELETE', `${SERVICES}/a`)
  })

  it('does not keep out what is honest: a thousand resources as YAML, ten thousand as JSON', {
    timeout: 60_000,
  }, async () => {
    const yaml = Array.from(
      { length: 900 },
      (_, n) =>
        `apiVersion: v1\nkind: Service\nmetadata:\n  name: y${n}\n  namespace: bookshop\nspec:\n  ports:\n    - port: 80\n`,
    )
    expect((await plane.call('POST', `${APPLY}?dryRun=All`, yaml.join('---\n'))).code).toBe(200)
    const resources = Array.from({ length: 10_000 }, (_, n) => service(`j${n}`))
    expect((await plane.call('POST', `${APPLY}?dryRun=All`, { resources })).code).toBe(200)
  })
})

describe('[API-6] a catastrophic regular expression', () => {
  const plane = new Plane()
  beforeAll(() => plane.start())
  afterAll(() => plane.close())
  const regex = (value: string) => [{ path: { type: 'RegularExpression', value } }]

  it.each([
    '(a{1,1000}){1,1000}',
    '((a{100}){100}){100}',
    'a{5001}',
    `(${'a?'.repeat(600)})`,
    '(?=a)b',
    '(a)\\1',
    '(',
    '',
  ])('that a linear engine cannot take is refused when it is written: %s', async value => {
    const began = process.cpuUsage()
    const { code, json } = await plane.call('POST', ROUTES, route('reviews', regex(value)))
    expect(code).toBe(422)
    expect(json.details).toMatchObject({ causes: [{ field: 'spec.rules[0].matches[0].path.value' }] })
    expect(costMs(began)).toBeLessThan(COST_MS_MAX)
  })

  it.each(['(a+)+$', '(a|a)*b', '(a|aa)+$', '(.*a){20}b', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y'])(
    'that would keep a backtracking engine busy for years is matched in time that grows with the path: %s',
    async value => {
      expect((await plane.call('POST', `${ROUTES}?dryRun=All`, route('reviews', regex(value)))).code).toBe(201)
      const match = matcherOf(value)
      match(100)
      const [small, large] = [match(2_000), match(16_000)]
      // Eight times the path; a quadratic engine takes 64 times as long, and a backtracking one never ends.
      expect(large).toBeLessThan(Math.max(small, 1) * 40)
      expect(large).toBeLessThan(COST_MS_MAX)
    },
  )
})

/** What a sidecar does with a path of so many characters, in milliseconds of processor time: the best of three. */
function matcherOf(value: string): (characters: number) => number {
  const path = { kind: 'regex', value } as const
  const rule = { route: 'bookshop/r', name: 'r', filters: [], backends: [] }
  const prepared = prepareRoutes({
    key: serviceKey('bookshop', 'reviews'),
    ports: [],
    routing: {
      kind: 'routes',
      entries: [{ ports: [], rule: 0, path, method: undefined, headers: [], query: [] }],
      rules: [{ ...rule, requestTimeoutMs: undefined, attemptTimeoutMs: undefined, retry: undefined }],
    },
    traffic: {
      policy: undefined,
      breaker: { connectionsMax: 1, pendingMax: 1, requestsMax: 1 },
      outlier: { consecutiveErrors: 5, baseEjectionMs: 30_000, ejectedPercentMax: 50, healthyPercentMin: 50 },
      retryBudget: { percent: 20, minPerSecond: 10, windowMs: 10_000 },
      connectTimeoutMs: 1_000,
      keepsNameCase: false,
      upgrades: undefined,
    },
  })
  if (!prepared.ok) throw new Error(prepared.error.message)
  return characters => {
    const request = { method: 'GET', path: `/${'ax'.repeat(characters / 2)}!`, query: '', header: () => undefined }
    const runs = Array.from({ length: 3 }, () => {
      const began = process.cpuUsage()
      expect(matchRoute(prepared.value, 80, request).kind).toBe('no-match')
      return costMs(began)
    })
    return Math.min(...runs)
  }
}
