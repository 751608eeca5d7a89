import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Port,
  type ServiceKey,
  type SpiffeId,
  serviceKey,
  type TrustDomain,
  type WorkloadKey,
  workloadKey,
} from '../../common/mod.ts'
import type { EndpointsSnapshot, SelfSnapshot, ServiceSnapshot, TrafficSettings } from '../../model/snapshot/mod.ts'
import type { HeldResource } from './interest.ts'
import { LAST_KNOWN_GOOD_FILE, readLastKnownGood, writeLastKnownGood } from './last-known-good.ts'

const w = workloadKey('ns', 'w')
const a = serviceKey('ns', 'a')
let dir: string
const path = () => join(dir, LAST_KNOWN_GOOD_FILE)

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-lkg-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const mesh: SelfSnapshot['mesh'] = {
  mtls: 'strict',
  unknownDestinations: 'allow',
  accessLog: false,
  traceSampling: 0.01,
  retryAttempts: 1,
  requestTimeoutMs: undefined,
  traceCollector: undefined,
  tunnelsAtRenewal: 'keep',
}
const self: SelfSnapshot = {
  ...{ workload: w, namespace: 'ns', serviceAccount: 'w', services: [], ports: [], mesh },
  trustDomain: 'mesh.test' as TrustDomain,
}
const traffic: TrafficSettings = {
  policy: undefined,
  breaker: { connectionsMax: 1, pendingMax: 1, requestsMax: 1 },
  outlier: { consecutiveErrors: 0, baseEjectionMs: 0, ejectedPercentMax: 0, healthyPercentMin: 0 },
  retryBudget: { percent: 0, minPerSecond: 0, windowMs: 0 },
  connectTimeoutMs: 1,
  keepsNameCase: false,
  upgrades: undefined,
}
const service = (key: ServiceKey): ServiceSnapshot => ({ key, ports: [], routing: { kind: 'none-attached' }, traffic })

function held(services = 1): ReadonlyMap<string, HeldResource> {
  const map = new Map<string, HeldResource>([
    ['self', { version: 's', content: self }],
    ['service/ns/gone', { version: '-', content: undefined }],
    ['endpoints/ns/a', { version: 'e', content: { service: a, endpoints: [] } }],
  ])
  for (let i = 0; i < services; i++) {
    const key = i === 0 ? a : serviceKey('ns', `s${i}`)
    map.set(`service/${key}`, { version: `v${i}`, content: service(key) })
  }
  return map
}

const write = (resources = held()) =>
  writeLastKnownGood(path(), { workload: w, revision: '7', subscriptions: [a], held: resources }, 1_000)
const read = (workload: WorkloadKey = w) => readLastKnownGood(path(), workload)

describe('the last known good on disk', () => {
  it('is read back with its versions, but for what does not exist', async () => {
    expect(await write()).toMatchObject({ ok: true })
    expect(statSync(path()).mode & 0o777).toBe(0o600)
    const kept = read()
    if (!kept.ok || kept.value === undefined) throw new Error(JSON.stringify(kept))
    const { update, subscriptions, savedMs } = kept.value
    expect(update.update).toEqual({
      ...{ revision: '7', self, services: [service(a)], endpoints: [{ service: a, endpoints: [] }], absent: [] },
    })
    expect([...update.versions].sort()).toEqual([
      ['endpoints/ns/a', 'e'],
      ['self', 's'],
      ['service/ns/a', 'v0'],
    ])
    expect({ subscriptions, savedMs }).toEqual({ subscriptions: [a], savedMs: 1_000 })
  })

  it('holds many services', async () => {
    await write(held(1_234))
    const kept = read()
    expect(kept.ok && kept.value?.update.update.services.length).toBe(1_234)
  })

  it('is none where nothing was kept', () => {
    expect(read()).toEqual({ ok: true, value: undefined })
  })

  it.each<[string, () => void, RegExp]>([
    ['a byte has changed', () => change(text => text.replace('"7"', '"8"')), /damaged/],
    ['its end is missing', () => change(text => text.slice(0, -20)), /damaged/],
    ['a line is missing', () => change(text => text.split('\n').toSpliced(1, 1).join('\n')), /damaged/],
    ['it is empty', () => change(() => ''), /damaged/],
    ['others can write it', () => chmodSync(path(), 0o622), /others can/],
  ])('is refused when %s', async (_, spoil, words) => {
    await write()
    spoil()
    expect(read()).toMatchObject({ ok: false, error: expect.stringMatching(words) })
  })

  it('is refused when it is of another workload, or does not say who the sidecar is', async () => {
    await write()
    expect(read(workloadKey('ns', 'other'))).toMatchObject({ ok: false, error: expect.stringMatching(/ns\/w/) })
    await write(new Map())
    expect(read()).toMatchObject({ ok: false, error: expect.stringMatching(/who this sidecar is/) })
  })
})

function change(edit: (text: string) => string): void {
  writeFileSync(path(), edit(readFileSync(path(), 'utf8')))
}

/** One of everything, typed: a field that is added to a snapshot has to be added here. */
const everything: {
  readonly service: ServiceSnapshot
  readonly endpoints: EndpointsSnapshot
  readonly self: SelfSnapshot
} = {
  self: {
    ...{ ...self, services: [a] },
    ports: [{ port: 8080 as Port, name: 'http', protocol: 'http', upgrades: { protocols: ['websocket'], by: 'p' } }],
  },
  service: {
    key: a,
    ports: [{ port: 80 as Port, name: 'http', protocol: 'http' }],
    routing: {
      kind: 'routes',
      entries: [
        {
          ...{ ports: [80 as Port], rule: 0, path: { kind: 'prefix', value: '/' }, method: 'GET' },
          headers: [{ name: 'x', kind: 'exact', value: '1' }],
          query: [{ name: 'q', kind: 'regex', value: 'a+' }],
        },
      ],
      rules: [
        {
          ...{ route: 'ns/r', name: '#0', requestTimeoutMs: 1, attemptTimeoutMs: 2 },
          filters: [
            { kind: 'request-headers', change: { set: [['a', '1']], add: [['b', '2']], remove: ['c'] } },
            { kind: 'response-headers', change: { set: [], add: [], remove: [] } },
            {
              ...{ kind: 'redirect', scheme: 'https', hostname: 'h', port: 443 as Port, status: 301 },
              path: { kind: 'full', value: '/' },
            },
            { kind: 'rewrite', hostname: 'h', path: { kind: 'prefix', from: '/a', value: '/b' } },
          ],
          backends: [
            { kind: 'service', service: a, port: 80 as Port, weight: 1 },
            { kind: 'invalid', why: 'gone', weight: 1 },
          ],
          retry: { attempts: 1, codes: [503], backoffMs: 10 },
        },
      ],
    },
    traffic: { ...traffic, policy: 'ns/p', upgrades: { protocols: [], by: 'TrafficPolicy ns/p' } },
  },
  endpoints: {
    service: a,
    endpoints: [
      {
        ...{ workload: w, address: '10.0.0.1', zone: 'z', ports: [{ servicePort: 80 as Port, appPort: 8080 as Port }] },
        tls: { kind: 'mesh', spiffeId: 'spiffe://mesh.test/ns/ns/sa/a' as SpiffeId, inboundPort: 15_006 as Port },
      },
    ],
  },
}

it('a format has one form: where this golden file changes, a program of another version would misread it, and FORMAT goes up', async () => {
  const { service: rules, endpoints } = everything
  await write(
    new Map<string, HeldResource>([
      ['self', { version: 's', content: everything.self }],
      ['service/ns/a', { version: 'v', content: rules }],
      ['endpoints/ns/a', { version: 'e', content: endpoints }],
    ]),
  )
  const golden = fileURLToPath(new URL('../../test/golden/last-known-good/format-3.ndjson', import.meta.url))
  await expect(readFileSync(path(), 'utf8')).toMatchFileSnapshot(golden)
  expect(read()).toMatchObject({
    ok: true,
    value: { update: { update: { services: [rules], endpoints: [endpoints] } } },
  })
})
