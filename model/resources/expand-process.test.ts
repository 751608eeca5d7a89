import { expect, test } from 'vitest'
import { expandProcess, impliedService, type ProcessResource, validateResource } from './mod.ts'

function processOf(spec: Readonly<Record<string, unknown>>): ProcessResource {
  const checked = validateResource({
    apiVersion: 'selvedge.dev/v1',
    kind: 'Process',
    metadata: { name: 'reviews-v1', namespace: 'bookshop' },
    spec: { command: ['node', 'reviews.js'], ...spec },
  })
  if (!checked.ok || checked.value.kind !== 'Process') throw new Error(JSON.stringify(checked))
  return checked.value
}

test('one replica keeps the name of its Process', () => {
  expect(expandProcess(processOf({ service: 'reviews', labels: { version: 'v1' } }))).toEqual([
    {
      name: 'reviews-v1',
      namespace: 'bookshop',
      service: 'reviews',
      serviceAccount: 'reviews',
      labels: { app: 'reviews', version: 'v1' },
      command: ['node', 'reviews.js'],
      env: {},
      cwd: undefined,
      port: undefined,
    },
  ])
})

test('several replicas are numbered from 1', () => {
  expect(expandProcess(processOf({ replicas: 3 })).map(({ name }) => name)).toEqual([
    'reviews-v1-1',
    'reviews-v1-2',
    'reviews-v1-3',
  ])
})

test('no replicas are no instances', () => {
  expect(expandProcess(processOf({ replicas: 0 }))).toEqual([])
})

test('a pure client is known by its own name, and implies no Service', () => {
  const client = processOf({})
  expect(expandProcess(client)[0]).toMatchObject({ service: undefined, serviceAccount: 'reviews-v1', labels: {} })
  expect(impliedService(client)).toBeUndefined()
})

test('a service account that is given wins', () => {
  expect(expandProcess(processOf({ service: 'reviews', serviceAccount: 'sa' }))[0]?.serviceAccount).toBe('sa')
})

test('the implied Service is a valid resource that selects the instances', () => {
  const process = processOf({ service: 'reviews' })
  const service = impliedService(process)
  expect(validateResource(service)).toEqual({ ok: true, value: service })
  expect(service?.spec.selector).toEqual({ app: 'reviews' })
})
