import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { annotationsTable, defaultSettings, inject, injectPod, isObject, type Json, type JsonObject } from './mod.ts'

const SETTINGS = defaultSettings('1.2.3')

/** A pod with one container; `spec` and `annotations` beside. */
function pod(spec: JsonObject = {}, annotations: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'x', namespace: 'shop', annotations },
    spec: { containers: [{ name: 'app', image: 'app:1' }], ...spec },
  }
}

function outcomeOf(resource: Json) {
  return inject(resource, SETTINGS).outcomes[0]?.outcome
}

/** The container of that name, after injection. */
function containerOf(resource: JsonObject, name: string): JsonObject {
  const { spec } = injectPod(resource, SETTINGS).pod
  const all = isObject(spec) ? [spec.initContainers, spec.containers].flat() : []
  const found = all.find(container => isObject(container) && container.name === name)
  if (!isObject(found)) throw new Error(`no container ${name}`)
  return found
}

const sidecarArgs = (resource: JsonObject) => containerOf(resource, 'selvedge-sidecar').args as readonly string[]
const rulesArgs = (resource: JsonObject) => containerOf(resource, 'selvedge-init').args as readonly string[]

describe('a pod is refused', () => {
  const app = (more: JsonObject) => ({ containers: [{ name: 'app', image: 'app:1', ...more }] })
  test.each<[string, JsonObject, RegExp]>([
    [
      'where a container runs as the sidecar',
      pod(app({ securityContext: { runAsUser: 1_337 } })),
      /container app runs as user 1337/,
    ],
    [
      'where all run as the sidecar',
      pod({ securityContext: { runAsUser: 1_337 } }),
      /container app runs as user 1337.*selvedge\.dev\/uid/,
    ],
    [
      "where an init container runs as the sidecar's other user",
      pod({ initContainers: [{ name: 'i', securityContext: { runAsUser: 7 } }] }, { 'selvedge.dev/uid': '7' }),
      /container i runs as user 7/,
    ],
    ['where a container is called as ours', pod({ initContainers: [{ name: 'selvedge-sidecar' }] }), /rename it/],
    [
      'where a volume is called as ours',
      pod({ volumes: [{ name: 'selvedge-state', emptyDir: {} }] }),
      /volume selvedge-state already/,
    ],
    [
      'where a container has a port of ours',
      pod(app({ ports: [{ containerPort: 15_006 }] })),
      /15006, a port of the sidecar/,
    ],
    ['where it is in another mesh', pod({ initContainers: [{ name: 'istio-proxy' }] }), /istio-proxy, of another mesh/],
    [
      'where it says that it has a sidecar and has none',
      pod({}, { 'selvedge.dev/injected': '1.0.0' }),
      /remove the annotation/,
    ],
    ['where an annotation is unknown', pod({}, { 'selvedge.dev/zones': 'a' }), /did you mean selvedge\.dev\/zone\?/],
    ['where an annotation is no text', pod({}, { 'selvedge.dev/uid': 7 }), /put it in quotes/],
    ['where the wish to inject is odd', pod({}, { 'selvedge.dev/inject': 'no' }), /"true" or "false"/],
    [
      'where a probe names no port',
      pod(app({ livenessProbe: { httpGet: { port: 'web' } } })),
      /livenessProbe of container app.*"web"/,
    ],
    [
      'where a hook names no port',
      pod(app({ lifecycle: { preStop: { httpGet: { port: 'web' } } } })),
      /preStop hook of container app/,
    ],
    ['without containers', pod({ containers: [] }), /no spec with a list of containers/],
    ['with odd volumes', pod({ volumes: 'none' }), /spec\.volumes is not a list/],
    ['with an odd container', pod({ initContainers: ['x'] }), /spec\.initContainers is not a list/],
    ['with a service account that no identity can have', pod({ serviceAccountName: 'a.b' }), /service account a\.b/],
    [
      'with more labels than a workload may have',
      { ...pod(), metadata: { labels: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`l${at}`, 'x'])) } },
      /65 labels/,
    ],
    [
      'with more ports than a workload may have',
      pod(app({ ports: Array.from({ length: 65 }, (_, at) => ({ containerPort: at + 1 })) })),
      /65 ports.*selvedge\.dev\/ports/,
    ],
    [
      'with more probes than a sidecar asks for',
      pod({
        containers: Array.from({ length: 129 }, (_, at) => ({
          name: `c${at}`,
          livenessProbe: { tcpSocket: { port: 80 } },
        })),
      }),
      /more than 128 probes/,
    ],
    ['with a name that no workload can have', { ...pod(), metadata: { name: 'a.b' } }, /no DNS label/],
  ])('%s', (_, resource, words) => {
    expect(outcomeOf(resource)).toEqual({ kind: 'refused', why: expect.stringMatching(words) })
    expect(inject(resource, SETTINGS).resource).toBe(resource)
  })

  test.each([
    ['intercept', 'some'],
    ['image', '-x'],
    ['uid', '0'],
    ['uid', '2147483648'],
    ['control-plane', 'nowhere'],
    ['control-plane', 'host:0'],
    ['join-token-secret', 'A'],
    ['ports', 'http=80/ftp'],
    ['ports', '65536'],
    ['zone', 'a b'],
    ['rewrite-probes', 'yes'],
    ['exclude-inbound-ports', '80,x'],
    ['exclude-inbound-ports', '90-80'],
    ['exclude-inbound-ports', '80-90-100'],
    ['exclude-outbound-ports', Array.from({ length: 65 }, (_, at) => at + 1).join(',')],
    ['exclude-outbound-cidrs', '10.0.0.0/33'],
    ['include-outbound-cidrs', '10.0.0'],
    ['include-outbound-cidrs', 'fd00::/129'],
    ['cpu-request', 'lots'],
    ['memory-limit', '-1Mi'],
    ['log-level', 'loud'],
    ['access-log', '1'],
    ['drain-timeout', '30'],
  ])('where %s is %j', (name, value) => {
    const outcome = outcomeOf(pod({}, { [`selvedge.dev/${name}`]: value }))
    expect(outcome).toMatchObject({ kind: 'refused', why: expect.stringContaining(`selvedge.dev/${name}: `) })
  })
})

describe('annotations', () => {
  test('change what the sidecar and the rules are told', () => {
    const wished = pod(
      {
        containers: [
          { name: 'app', ports: [{ containerPort: 80, name: 'grpc-a' }, { containerPort: 81 }, { containerPort: 82 }] },
        ],
      },
      {
        'selvedge.dev/exclude-inbound-ports': '81',
        'selvedge.dev/include-inbound-ports': '80,81',
        'selvedge.dev/exclude-outbound-ports': '5432, 3306-3310',
        'selvedge.dev/include-outbound-cidrs': '10.0.0.0/8,fd00::/8',
        'selvedge.dev/uid': '77',
      },
    )
    expect(rulesArgs(wished)).toEqual([
      'intercept',
      'install',
      '--sidecar-uid=77',
      '--include-inbound-ports=80,81',
      '--exclude-inbound-ports=15020,81',
      '--exclude-outbound-ports=5432,3306-3310',
      '--include-outbound-cidrs=10.0.0.0/8,fd00::/8',
    ])
    expect(sidecarArgs(wished).filter(arg => arg.startsWith('--port='))).toEqual(['--port=grpc-a=80/grpc'])
    expect(containerOf(wished, 'selvedge-sidecar').securityContext).toMatchObject({ runAsUser: 77, runAsGroup: 77 })
  })

  test('a name that two containers have for a port is that of the first', () => {
    const container = (name: string, containerPort: number) => ({ name, ports: [{ name: 'http', containerPort }] })
    const args = sidecarArgs(pod({ containers: [container('a', 80), container('b', 81), container('c', 80)] }))
    expect(args.filter(arg => arg.startsWith('--port='))).toEqual(['--port=http=80/http', '--port=port-81=81/http'])
  })

  test('another control plane has an enrolment port of its own', () => {
    const settings = { ...SETTINGS, enrolment: 'enrol:1' }
    const argsOf = (annotations: JsonObject) => JSON.stringify(injectPod(pod({}, annotations), settings).pod)
    expect(argsOf({})).toContain('--enrolment=enrol:1')
    expect(argsOf({ 'selvedge.dev/control-plane': 'other:2' })).not.toContain('enrol:1')
  })

  test.each([
    [undefined, '25s'],
    [5, '1s'],
    [0, '1s'],
    [60, '30s'],
  ])('a grace period of %s seconds leaves %s to drain', (seconds, timeout) => {
    const spec: JsonObject = seconds === undefined ? {} : { terminationGracePeriodSeconds: seconds }
    expect(sidecarArgs(pod(spec))).toContain(`--drain-timeout=${timeout}`)
  })

  test('probes stay as they are where that is wished, and where nothing is redirected', () => {
    const livenessProbe = { httpGet: { port: 80 } }
    const spec = { containers: [{ name: 'app', livenessProbe }] }
    for (const annotation of [{ 'selvedge.dev/rewrite-probes': 'false' }, { 'selvedge.dev/intercept': 'none' }]) {
      expect(containerOf(pod(spec, annotation), 'app').livenessProbe).toEqual(livenessProbe)
    }
  })

  test('all are in the table, once', () => {
    const names = annotationsTable().map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.every(name => name.startsWith('selvedge.dev/'))).toBe(true)
  })
})

test('a wish that stands at the workload, where nobody reads it, is warned of', () => {
  const template = { spec: { containers: [{ name: 'app' }] } }
  const metadata = { name: 'x', annotations: { 'selvedge.dev/inject': 'false' } }
  const outcome = outcomeOf({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template } })
  const warning = 'selvedge.dev/inject of the workload itself says nothing: put it into spec.template.metadata'
  expect(outcome).toEqual({ kind: 'injected', warnings: [warning] })
})

describe('least privilege', () => {
  test('the sidecar is nobody, and the rules have two capabilities', () => {
    const sidecar = containerOf(pod(), 'selvedge-sidecar').securityContext
    const shared = {
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      seccompProfile: { type: 'RuntimeDefault' },
    }
    expect(sidecar).toEqual({
      ...shared,
      ...{ runAsUser: 1_337, runAsGroup: 1_337, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
    })
    expect(containerOf(pod(), 'selvedge-init').securityContext).toEqual({
      ...shared,
      ...{ runAsUser: 0, runAsGroup: 0, runAsNonRoot: false },
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
    })
  })

  test('what the application keeps secret is mounted in none of ours', () => {
    const mounts = [{ name: 'secret', mountPath: '/secret' }]
    const spec = {
      volumes: [{ name: 'secret', secret: { secretName: 's' } }],
      containers: [{ name: 'app', volumeMounts: mounts }],
    }
    for (const name of ['selvedge-sidecar', 'selvedge-init']) {
      expect(JSON.stringify(containerOf(pod(spec), name).volumeMounts)).not.toContain('"secret"')
    }
  })
})

describe('the hash', () => {
  const hashOf = (resource: JsonObject, settings = SETTINGS) =>
    (injectPod(resource, settings).pod.metadata as { readonly annotations: JsonObject }).annotations[
      'selvedge.dev/injected-hash'
    ]
  test('is the same for the same injection, and another for another', () => {
    expect(hashOf(pod())).toBe(hashOf(pod({ containers: [{ name: 'another', image: 'another' }] })))
    expect(hashOf(pod())).not.toBe(hashOf(pod({}, { 'selvedge.dev/zone': 'a' })))
    expect(hashOf(pod())).not.toBe(hashOf(pod(), { ...SETTINGS, image: 'selvedge:2' }))
  })
})

describe('whatever comes', () => {
  const names = fc.constantFrom('app', 'app', 'app', 'x', 'x', 'selvedge-sidecar')
  const { json } = fc.letrec(tie => ({
    json: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom(null, true, 0, 80, 15_020, 'x', 'http', 'Always', 'false'),
      fc.array(tie('json'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          'name',
          'ports',
          'containerPort',
          'httpGet',
          'port',
          'livenessProbe',
          'lifecycle',
          'preStop',
          'env',
          'securityContext',
          'runAsUser',
        ),
        tie('json'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  }))
  const container = fc
    .record({ name: names, more: json })
    .map(({ name, more }) => ({ ...(isObject(more) ? more : {}), name }))
  const anything = fc.record({
    apiVersion: fc.constant('v1'),
    kind: fc.constantFrom('Pod', 'Pod', 'Pod', 'Service'),
    metadata: fc.oneof(
      json,
      fc.constantFrom({ name: 'x' }, { name: 'y' }),
      fc.constant({ annotations: { 'selvedge.dev/injected': '1' } }),
    ),
    spec: fc.oneof(
      json,
      fc.record({
        containers: fc.array(container, { maxLength: 3 }),
        initContainers: fc.oneof(json, fc.constant(null), fc.array(container, { maxLength: 2 })),
        volumes: fc.oneof(json, fc.constant([]), fc.constant([])),
      }),
    ),
  })

  test('nothing is thrown, nothing given is changed, and the second time changes nothing', () => {
    let injected = 0
    fc.assert(
      fc.property(anything, resource => {
        const before = JSON.stringify(resource)
        const once = inject(resource as Json, SETTINGS)
        expect(JSON.stringify(resource)).toBe(before)
        if (once.outcomes[0]?.outcome.kind === 'injected') {
          injected++
          const twice = inject(once.resource, SETTINGS)
          expect(twice.resource).toBe(once.resource)
          expect(twice.outcomes[0]?.outcome.kind).toBe('present')
        }
      }),
      { numRuns: 3_000 },
    )
    expect(injected).toBeGreaterThan(50)
  })
})

test('a sidecar that is there sees to containers that came later, and refuses one that runs as it does', () => {
  const { pod: once } = injectPod(pod(), SETTINGS)
  const added = (more: JsonObject) => {
    const spec = once.spec as { readonly containers: readonly Json[] } & JsonObject
    return { ...once, spec: { ...spec, containers: [...spec.containers, { name: 'late', ...more }] } }
  }
  const { pod: seen, outcome } = injectPod(added({ livenessProbe: { tcpSocket: { port: 9 } } }), SETTINGS)
  expect(outcome.kind).toBe('present')
  expect(JSON.stringify(seen)).toContain('\\"/application/late/liveness\\":{\\"tcpSocket\\":{\\"port\\":9}')
  expect(injectPod(seen, SETTINGS).pod).toBe(seen)
  const sly = injectPod(added({ securityContext: { runAsUser: 1_337 } }), SETTINGS)
  expect(sly.outcome).toMatchObject({ kind: 'refused' })
})
