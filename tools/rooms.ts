/**
 * The table of rooms and who may import whom. Three things follow from it: the check (`node tools/rooms.ts --check`), the picture
 * in docs/architecture.md (`node tools/rooms.ts --write`), and the tests in law/.
 * A grant is a decision: add one only with the reason in the commit that adds it. `common` is granted to all.
 */
import { never } from './law/never.ts'
import type { Law, Room } from './law/table.ts'

/** Rooms that describe or decide: values in, values out. */
const PURE = { may: [], packages: [], pure: true } as const
const DECISION = { ...PURE, may: ['model/snapshot'] } as const
/** Rooms that do the operating system's business. */
const NODE = ['node:*']
const GRPC = [...NODE, '@grpc/grpc-js']
const OPENTELEMETRY = ['api', 'exporter-trace-otlp-grpc', 'exporter-trace-otlp-proto', 'resources', 'sdk-trace'].map(
  name => `@opentelemetry/${name}`,
)
/** What both stacks are made of; neither knows the other. */
const STACK = {
  may: [
    ...['model/snapshot', 'decide/*'],
    ...['http', 'session', 'transport', 'policy', 'upstream', 'telemetry', 'overload'].map(room => `sidecar/${room}`),
  ],
  packages: ['node:net'],
}
const PROGRAM_DOORS = {
  'app.ts': 'the command line starts the program',
  'config.ts': 'the command line hands it what it was asked for',
}

const shared: readonly Room[] = [
  { path: 'common', purpose: 'words that all share: results, brands, time, chance, names', may: [], packages: [] },
  {
    path: 'common/settings',
    purpose: 'flags and environment, as one table for each program',
    may: [],
    packages: ['node:util', 'node:net'],
  },
  { path: 'common/folders', purpose: "folders for a program's own things", may: [], packages: NODE },
  {
    path: 'model/resources',
    purpose: 'one file for each kind that a user writes: schema, parse, validate',
    ...PURE,
    packages: ['zod', 'yaml', 're2js'],
  },
  { path: 'model/snapshot', purpose: 'the types of what one sidecar knows', ...PURE },
  { path: 'model/telemetry', purpose: 'the types of what a sidecar reports', ...PURE },
  {
    path: 'model/compile',
    purpose: 'the world and who is asking, to a snapshot',
    ...PURE,
    may: ['model/resources', 'model/snapshot'],
  },
  {
    path: 'decide/route',
    purpose: 'which rule a request matches, and what that does',
    ...DECISION,
    packages: ['re2js'],
  },
  { path: 'decide/balance', purpose: 'which endpoint: power of two choices on peak EWMA', ...DECISION },
  { path: 'decide/retry', purpose: 'whether to try again, and the budget for it', ...DECISION },
  { path: 'decide/breaker', purpose: 'whether a destination has room for one more', ...DECISION },
  { path: 'decide/upgrade', purpose: 'whether a request may switch to another protocol', ...DECISION },
  { path: 'decide/timeout', purpose: 'how long an exchange and an attempt may last', ...DECISION },
  { path: 'decide/outlier', purpose: 'which endpoint is ejected, and for how long', ...DECISION },
  {
    path: 'decide',
    purpose: 'simulate.ts: the decisions in the order of the stacks, without sockets',
    flat: true,
    ...PURE,
    // It puts the rooms together that may not know each other.
    may: ['model/snapshot', 'decide/*'],
    doors: { 'simulate.ts': 'the room has one file' },
  },
  {
    path: 'proto',
    purpose: 'the wire contract: .proto packages, their loader and types',
    may: [],
    packages: ['node:url', '@grpc/grpc-js', '@grpc/proto-loader'],
  },
  {
    path: 'certs',
    purpose: 'X.509, CSR, PEM and the rules of SVIDs',
    // The folder of a CA.
    may: ['common/folders'],
    packages: [...NODE, 'node-forge'],
  },
]

const sidecar: readonly Room[] = [
  {
    path: 'sidecar',
    purpose: 'app.ts: assembles one sidecar',
    flat: true,
    may: ['common/settings', 'common/folders', 'model/*', 'decide/*', 'certs', 'sidecar/*'],
    packages: [...NODE, 'pino'],
    doors: PROGRAM_DOORS,
  },
  { path: 'sidecar/http', purpose: 'one exchange: heads, bodies, filters', may: [], packages: [] },
  {
    path: 'sidecar/codec/h1',
    purpose: 'HTTP/1.1: bytes in, events out; no sockets',
    may: ['sidecar/http'],
    packages: [],
  },
  {
    path: 'sidecar/codec/h2',
    purpose: 'HTTP/2 and HPACK: bytes in, frames and heads out; no sockets',
    may: ['sidecar/http'],
    packages: [],
  },
  { path: 'sidecar/detect', purpose: 'what a connection speaks, from its first bytes', ...PURE },
  {
    path: 'sidecar/overload',
    purpose: 'too much memory, too long a turn: whether more is taken',
    // `http` is the vocabulary of its filter.
    may: ['sidecar/http'],
    packages: NODE,
  },
  {
    path: 'sidecar/transport',
    purpose: 'listen, connect, TLS, drain',
    may: ['certs', 'sidecar/identity'],
    packages: NODE,
  },
  {
    path: 'sidecar/interception',
    purpose: 'where a connection that the kernel redirected was going; the one native door',
    may: [],
    // Node has no getsockopt.
    packages: [...NODE, 'koffi'],
  },
  {
    path: 'sidecar/session',
    purpose: 'a socket and a codec joined: connections that carry exchanges, and pools of them',
    may: ['http', 'codec/h1', 'codec/h2', 'transport', 'detect'].map(room => `sidecar/${room}`),
    // A WebSocket's opening handshake has keys and digests.
    packages: ['node:net', 'node:crypto'],
  },
  {
    path: 'sidecar/upstream',
    purpose: 'an exchange on its way to an endpoint: pools, attempts, and what is learnt from them',
    may: [
      ...['model/snapshot', 'decide/*'],
      ...['http', 'session', 'transport', 'identity'].map(room => `sidecar/${room}`),
    ],
    // What TLS has agreed on.
    packages: ['node:net', 'node:tls'],
  },
  {
    path: 'sidecar/identity',
    purpose: 'the key and its certificate, kept fresh',
    // Its key is kept where the operator gave a folder.
    may: ['common/folders', 'certs', 'proto'],
    packages: GRPC,
    doors: { 'identity.ts': 'the contract alone: who needs an identity needs none of its sources' },
  },
  {
    path: 'sidecar/policy',
    purpose: 'the one cell that changes, and where it comes from',
    may: ['model/snapshot', 'decide/route'],
    packages: [],
    doors: { 'source.ts': 'the contract alone: a source needs nothing of the cell that it feeds' },
  },
  {
    path: 'sidecar/policy/file',
    purpose: 'policy from a file of resources; apart, so that only file mode loads parsers and schemas',
    may: ['model/resources', 'model/snapshot', 'model/compile', 'sidecar/policy'],
    packages: NODE,
  },
  {
    path: 'sidecar/discovery',
    purpose: 'the stream from the control plane: deltas, ACK, NACK, backoff, last-known-good on disk',
    may: ['common/folders', 'model/snapshot', 'proto', 'sidecar/identity', 'sidecar/policy'],
    packages: GRPC,
  },
  {
    path: 'sidecar/telemetry',
    purpose: 'instruments that rooms are handed, and the filters that use them',
    // `http` is the vocabulary of its filters, not a room that it measures.
    may: ['model/telemetry', 'sidecar/http'],
    packages: [...NODE, 'prom-client'],
  },
  {
    path: 'sidecar/telemetry/report',
    purpose: 'the stream of counts and spans to the control plane; apart, so that file mode loads no gRPC',
    may: ['model/telemetry', 'proto', 'sidecar/identity', 'sidecar/telemetry'],
    packages: GRPC,
  },
  {
    path: 'sidecar/telemetry/otlp',
    purpose: 'spans to an OpenTelemetry collector; apart, so that the SDK is loaded only where a policy names one',
    may: ['sidecar/telemetry'],
    // The SDK's own exporters, and the gRPC that one of them stands on.
    packages: [...GRPC, ...OPENTELEMETRY],
  },
  {
    path: 'sidecar/workers',
    purpose: "several threads that carry one sidecar's traffic: what they say to each other, and share",
    may: ['model/snapshot', 'decide/breaker', ...['policy', 'telemetry', 'overload'].map(room => `sidecar/${room}`)],
    packages: [],
  },
  { path: 'sidecar/inbound', purpose: 'requests from other sidecars to the local application', ...STACK },
  { path: 'sidecar/outbound', purpose: 'requests from the local application to the mesh', ...STACK },
  {
    path: 'sidecar/application-probes',
    purpose: 'what the kubelet would ask the application, asked from beside it',
    may: ['sidecar/http'],
    packages: ['node:net', 'node:http', 'node:https', '@grpc/grpc-js'],
  },
  {
    path: 'sidecar/admin',
    purpose: 'health, metrics and what the sidecar knows, for people and probes',
    // The token that it takes for anything but looking lies where the operator gave a folder.
    may: ['common/folders', ...['http', 'session', 'identity', 'policy', 'telemetry'].map(room => `sidecar/${room}`)],
    packages: NODE,
  },
]

const controlPlane: readonly Room[] = [
  {
    path: 'control-plane',
    purpose: 'app.ts: assembles the control plane',
    flat: true,
    may: ['common/settings', 'model/*', 'certs', 'proto', 'control-plane/*'],
    packages: [...GRPC, 'pino', 'prom-client'],
    doors: PROGRAM_DOORS,
  },
  {
    path: 'control-plane/store',
    purpose: 'what is kept, and the interface to it: resources, revisions, leases, tokens',
    may: ['model/resources', 'control-plane/attestation'],
    packages: ['node:crypto'],
  },
  {
    path: 'control-plane/store/sqlite',
    purpose: 'the store in one file',
    may: ['common/folders', 'model/resources', 'control-plane/store', 'control-plane/attestation'],
    packages: [...NODE, 'node:sqlite'],
  },
  {
    path: 'control-plane/registry',
    purpose: 'workloads that sidecars register, as leases',
    may: ['model/resources', 'model/snapshot', 'control-plane/store'],
    packages: [],
  },
  {
    path: 'control-plane/world',
    purpose: 'store and registry as one view in memory',
    may: ['model/resources', 'model/compile', 'control-plane/store', 'control-plane/registry'],
    packages: [],
  },
  {
    path: 'control-plane/guard',
    purpose: 'what vanishes though nobody deleted it: held back, alarmed, released',
    may: ['common/folders', 'model/resources', 'model/compile', 'control-plane/store', 'control-plane/world'],
    packages: NODE,
  },
  {
    path: 'control-plane/snapshots',
    purpose: 'versions by content; what changed for whom',
    may: ['model/resources', 'model/snapshot', 'model/compile', 'control-plane/world'],
    packages: ['node:crypto'],
  },
  {
    path: 'control-plane/fleet',
    purpose: 'connected sidecars, and what each acknowledged',
    may: ['model/snapshot', 'control-plane/api'],
    packages: [],
  },
  {
    path: 'control-plane/discovery',
    purpose: 'streams to sidecars: deltas, acknowledgements',
    may: [
      ...['model/snapshot', 'proto', 'certs'],
      ...['snapshots', 'registry', 'fleet'].map(room => `control-plane/${room}`),
    ],
    packages: GRPC,
  },
  {
    path: 'control-plane/ca',
    purpose: 'the mesh root, and the signing of leaves',
    may: ['certs', 'proto', 'control-plane/attestation'],
    packages: GRPC,
  },
  {
    path: 'control-plane/attestation',
    purpose: 'who asks for a certificate: join tokens',
    may: ['certs'],
    packages: NODE,
    doors: { 'token-records.ts': 'the contract alone: the store keeps records and admits nobody' },
  },
  {
    path: 'control-plane/telemetry',
    purpose: 'ingest, window, graph, traces',
    may: ['model/telemetry', 'proto', 'certs', 'control-plane/api'],
    packages: GRPC,
  },
  {
    path: 'control-plane/admission',
    purpose: 'a port for the Kubernetes API server; what is answered is plugged in',
    may: ['control-plane/api'],
    packages: NODE,
  },
  {
    path: 'control-plane/api',
    purpose: 'REST, one file for each resource; what it reads of other rooms it names in readers.ts',
    may: [
      ...['model/resources', 'model/telemetry'],
      ...['store', 'world', 'attestation'].map(room => `control-plane/${room}`),
    ],
    packages: NODE,
  },
]

const around: readonly Room[] = [
  {
    path: 'cli',
    purpose: 'one file for each command, speaking REST',
    may: [
      ...['common/folders', 'model/resources', 'model/telemetry', 'certs', 'sidecar', 'control-plane', 'cli/*'],
      ...['k8s/injector', 'k8s/webhook'],
    ],
    packages: [...NODE, 'commander', 'undici', 'yaml'],
  },
  {
    path: 'cli/intercept',
    purpose: "the kernel's redirect rules: from options to text, and put in force",
    may: ['cli'],
    packages: NODE,
  },
  {
    path: 'cli/up',
    purpose: 'supervises a mesh on one machine',
    may: ['model/resources', 'cli'],
    packages: [...NODE, 'undici'],
  },
  {
    path: 'cli/manifests',
    purpose: 'Kubernetes manifests as people write them, with comments',
    may: ['k8s/injector'],
    packages: ['yaml'],
  },
  {
    path: 'k8s/injector',
    purpose: 'a pod, to the same pod with its sidecar',
    // A hash tells which pods got the same. Of node:net: whether a text is an address.
    ...{ ...PURE, packages: ['node:crypto', 'node:net'] },
  },
  {
    path: 'k8s/webhook',
    purpose: 'what the control plane answers when the Kubernetes API server asks about a new pod',
    may: ['k8s/injector', 'control-plane/admission'],
    packages: [],
  },
  {
    path: 'tools',
    purpose: 'the checks, and what makes generated files',
    may: ['model/resources'],
    // Reporters are plugins of vitest, written against its types.
    packages: [...NODE, 'oxc-parser', 'zod', 'yaml', 'vitest'],
  },
  { path: 'bench', purpose: 'peers side by side, one command', may: ['certs'], packages: NODE },
  { path: 'test', purpose: 'fakes, conformance suites, real sockets in one process', may: ['*'], packages: [] },
  { path: 'e2e', purpose: 'whole programs, numbered scenarios', may: ['*'], packages: [] },
]

export const law: Law = { rooms: [...shared, ...sidecar, ...controlPlane, ...around], never }

if (import.meta.main) {
  const { runRooms } = await import('./law/run-rooms.ts')
  process.exitCode = runRooms(law, process.argv.slice(2))
}
