import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { defaultSettings, injectPod, isObject, type JsonObject, pointerNames } from '../injector/mod.ts'
import { podAdmission } from './mod.ts'

/** What a real API server asked, recorded by `npm run kubernetes`. */
const RECORDED = fileURLToPath(new URL('../../test/golden/admission/', import.meta.url))
const SETTINGS = defaultSettings('1.2.3')
const admission = podAdmission(SETTINGS)

function recorded(name: string): JsonObject {
  return JSON.parse(readFileSync(`${RECORDED}${name}.review.json`, 'utf8')) as JsonObject
}

function requestOf(review: JsonObject): JsonObject {
  if (!isObject(review.request)) throw new Error('a recording has a request')
  return review.request
}

interface Answer {
  readonly apiVersion: string
  readonly kind: string
  readonly response: {
    readonly uid: string
    readonly allowed: boolean
    readonly patchType?: string
    readonly patch?: string
    readonly warnings?: readonly string[]
    readonly status?: { readonly code: number; readonly message: string }
  }
}

function answerTo(review: unknown) {
  const answer = admission.review(review)
  if (!answer.ok) throw new Error(answer.error)
  return { ...answer.value, body: answer.value.body as Answer }
}

/** RFC 6902, as far as we use it. */
function patched(object: unknown, patch: string | undefined): unknown {
  const root = structuredClone(object) as Record<string, unknown>
  for (const { op, path, value } of JSON.parse(Buffer.from(patch ?? '', 'base64').toString()) as {
    readonly op: string
    readonly path: string
    readonly value: unknown
  }[]) {
    const names = [...pointerNames(path)]
    const last = names.pop() ?? ''
    const at = names.reduce<unknown>((holder, name) => (holder as Record<string, unknown>)[name], root)
    if (Array.isArray(at)) at.splice(Number(last), op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]))
    else if (op === 'remove') delete (at as Record<string, unknown>)[last]
    else (at as Record<string, unknown>)[last] = value
  }
  return root
}

test.each(readdirSync(RECORDED).filter(name => name.endsWith('.review.json')))(
  'what the API server asked in %s is answered in its own words, and with what "selvedge inject" makes',
  name => {
    const review = recorded(name.replace('.review.json', ''))
    const request = requestOf(review)
    const { body } = answerTo(review)
    expect(body).toMatchObject({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: request.uid },
    })
    const { response } = body
    const expected = injectPod(request.object as JsonObject, SETTINGS)
    expect(response.allowed).toBe(expected.outcome.kind !== 'refused')
    expect(response.patchType).toBe(response.patch === undefined ? undefined : 'JSONPatch')
    if (response.patch !== undefined) expect(patched(request.object, response.patch)).toEqual(expected.pod)
  },
)

test('each outcome is told to metrics and log', () => {
  const results = ['plain', 'rich', 'host-network', 'same-user'].map(name => answerTo(recorded(name)).result)
  expect(results).toEqual(['injected', 'injected', 'skipped', 'refused'])
  expect(answerTo(recorded('plain')).subject).toBe('shop/reviews-1')
  expect(answerTo(recorded('rich')).subject).toBe('shop/orders-')
})

test('a pod that has its sidecar is let through without a patch', () => {
  const review = recorded('plain')
  const request = requestOf(review)
  const { pod } = injectPod(request.object as JsonObject, SETTINGS)
  const { body, result } = answerTo({ ...review, request: { ...request, object: pod } })
  expect(result).toBe('present')
  expect(body.response).toEqual({ uid: request.uid, allowed: true })
})

test('a pod that cannot have one is refused in a sentence that says what to do', () => {
  const { response } = answerTo(recorded('same-user')).body
  expect(response.status?.code).toBe(422)
  expect(response.status?.message).toMatch(/^Cannot inject the sidecar: container app runs as user 1337.*"false"\.$/)
})

test('a pod that goes without one though nobody said so comes with a warning', () => {
  const { response } = answerTo(recorded('host-network')).body
  expect(response.warnings?.[0]).toMatch(/^the pod has no selvedge sidecar: it uses the network of its node/)
  expect(response.warnings?.[0]?.length).toBeLessThanOrEqual(256)
})

test('what is nested without end, or large without end, is answered all the same', () => {
  const review = recorded('plain')
  const request = requestOf(review)
  const { spec, ...rest } = request.object as JsonObject & {
    readonly spec: { readonly containers: readonly JsonObject[] }
  }
  const ask = (containers: string) => {
    const object = `${JSON.stringify(rest).slice(0, -1)},"spec":{"containers":${containers}}}`
    return answerTo({ ...review, request: { ...request, object: JSON.parse(object) } }).result
  }
  const depth = 500_000
  expect(ask(`[{"name":"deep","x":${'['.repeat(depth)}${']'.repeat(depth)}}]`)).toBe('injected')
  const many = Array.from({ length: 50_000 }, (_, at) => ({
    ...spec.containers[0],
    name: `c${at}`,
    ports: [],
    readinessProbe: null,
    livenessProbe: null,
  }))
  expect(ask(JSON.stringify(many))).toBe('injected')
})

describe('what is not the making of a pod is let through', () => {
  test.each<[string, JsonObject]>([
    ['a change', { operation: 'UPDATE' }],
    ['an end, which has no object', { operation: 'DELETE', object: null }],
    ['another kind', { kind: { group: 'apps', version: 'v1', kind: 'Deployment' } }],
    ['a Pod of another group', { kind: { group: 'metrics.k8s.io', version: 'v1', kind: 'Pod' } }],
    ['a part of a pod', { subResource: 'ephemeralcontainers' }],
  ])('%s', (_, change) => {
    const review = recorded('plain')
    const request = { ...requestOf(review), ...change }
    const { body, result } = answerTo({ ...review, request })
    expect({ result, response: body.response }).toEqual({
      result: 'ignored',
      response: { uid: request.uid, allowed: true },
    })
  })
})

describe('what is no review is an error, and never an answer', () => {
  const review = recorded('plain')
  const request = requestOf(review)
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['text', 'review'],
    ['another kind', { ...review, kind: 'TokenReview' }],
    ['another version', { ...review, apiVersion: 'admission.k8s.io/v1beta1' }],
    ['no request', { ...review, request: undefined }],
    ['a request that is none', { ...review, request: [] }],
    ['no uid', { ...review, request: { ...request, uid: undefined } }],
    ['an empty uid', { ...review, request: { ...request, uid: '' } }],
    ['a uid without end', { ...review, request: { ...request, uid: 'x'.repeat(129) } }],
    ['no operation', { ...review, request: { ...request, operation: 7 } }],
    ['no kind', { ...review, request: { ...request, kind: 'Pod' } }],
    ['no object', { ...review, request: { ...request, object: null } }],
    ['a list for an object', { ...review, request: { ...request, object: [] } }],
  ])('%s', (_, body) => {
    expect(admission.review(body)).toEqual({ ok: false, error: expect.stringMatching(/^Cannot answer the review: /) })
  })
})
