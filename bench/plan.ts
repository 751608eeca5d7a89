import { availableParallelism } from 'node:os'

/**
 * What a proxy stands between. `hop`: one plaintext proxy, HTTP/1.1. `pair`: two with mutual TLS 1.3 between them, HTTP/1.1 at both ends.
 * `bulk-pair`: the
 * same, set up for large bodies. `h2c-hop`: one plaintext proxy, HTTP/2 on both sides. `tcp-pair`: a pair that is told to pass bytes. `inbound`: the far one of a pair alone.
 */
export type Topology = 'hop' | 'pair' | 'bulk-pair' | 'h2c-hop' | 'tcp-pair' | 'inbound'

/** How requests come. Each is one program on the load's core, of which `load.ts` knows the arguments. */
export type Load =
  /** As fast as answers come, over kept-alive HTTP/1.1. */
  | { readonly kind: 'closed'; readonly path: string; readonly uploadBytes?: number }
  /** HTTP/2 by prior knowledge, as fast as answers come. */
  | { readonly kind: 'streams'; readonly path: string; readonly streams: number }
  /** So many in a second, whatever the answers do. */
  | { readonly kind: 'paced'; readonly path: string; readonly perSecond: number }

/** One row for each proxy and number of connections. */
export interface Measure {
  readonly name: string
  readonly title: string
  readonly load: Load
}

export interface Plan {
  readonly topology: Topology
  readonly connections: readonly number[]
  readonly measures: readonly Measure[]
}

export const CASES = ['h1', 'mtls', 'h2c', 'tcp', 'bulk', 'handshake', 'latency'] as const
export type Case = (typeof CASES)[number]

/** What a large answer of the backend has, and what is sent to it. */
export const BULK_BYTES = 1_000_000
const SMALL_PATH = '/'
export const BULK_PATH = '/bulk'
export const UPLOAD_PATH = '/upload'

const SMALL: Load = { kind: 'closed', path: SMALL_PATH }
const DOWNLOAD: Load = { kind: 'closed', path: BULK_PATH }
/** An eighth of what a proxy of this kind can do over one connection: it is awake for a request, not kept awake by the one before. */
const MODEST_PER_SECOND = 1_000
const STREAMS = 16

export const PLANS: Readonly<Record<Case, Plan>> = {
  h1: {
    topology: 'hop',
    connections: [1, 32, 128],
    measures: [{ name: 'h1', title: 'one plaintext HTTP/1.1 hop', load: SMALL }],
  },
  mtls: {
    topology: 'pair',
    connections: [1, 32, 128],
    measures: [
      {
        name: 'mtls',
        title:
          'app -> proxy = mutual TLS 1.3 => proxy -> app, HTTP/1.1 at both ends; time and memory of both proxies together',
        load: SMALL,
      },
    ],
  },
  h2c: {
    topology: 'h2c-hop',
    connections: [4],
    measures: [
      {
        name: 'h2c',
        title: `one plaintext HTTP/2 hop, ${STREAMS} streams on each connection`,
        load: { kind: 'streams', path: SMALL_PATH, streams: STREAMS },
      },
    ],
  },
  tcp: {
    topology: 'tcp-pair',
    connections: [32],
    measures: [
      { name: 'tcp', title: 'bytes through a pair with mutual TLS 1.3: small questions and answers', load: SMALL },
      { name: 'tcp-bulk', title: 'bytes through a pair with mutual TLS 1.3: a request is 1 MB down', load: DOWNLOAD },
    ],
  },
  bulk: {
    topology: 'bulk-pair',
    connections: [8],
    measures: [
      { name: 'bulk', title: 'answers of 1 MB through a pair with mutual TLS 1.3', load: DOWNLOAD },
      {
        name: 'bulk-up',
        title: 'requests of 1 MB through a pair with mutual TLS 1.3',
        load: { kind: 'closed', path: UPLOAD_PATH, uploadBytes: BULK_BYTES },
      },
    ],
  },
  handshake: {
    topology: 'inbound',
    connections: [32],
    measures: [
      {
        name: 'handshake',
        title: 'a new connection with mutual TLS 1.3 for each request, without resumption, at the far proxy of a pair',
        load: SMALL,
      },
    ],
  },
  latency: {
    topology: 'pair',
    connections: [1],
    measures: [
      {
        name: 'latency',
        title: 'one connection through a pair, each request as soon as the last was answered',
        load: SMALL,
      },
      {
        name: 'latency-paced',
        title: `one connection through a pair, ${MODEST_PER_SECOND} requests in a second`,
        load: { kind: 'paced', path: SMALL_PATH, perSecond: MODEST_PER_SECOND },
      },
    ],
  },
}

/** The name that the load generator asks for: a Service to Selvedge, merely a `Host` to the others. */
export const SERVICE_NAME = 'echo'
export const NAMESPACE = 'bench'
export const SERVICE_HOST = `${SERVICE_NAME}.${NAMESPACE}`

/** A core for what is measured, and the others for all that measures: they must not take each other's time. */
export const PROXY_CORES = '0'
export const LOAD_CORES = availableParallelism() > 2 ? `1-${availableParallelism() - 1}` : '1'
