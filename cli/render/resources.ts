import type { AnyResource } from '../rest/answers.ts'
import { age } from './numbers.ts'
import { tableLines } from './table.ts'

type Spec = Readonly<Record<string, unknown>>

/** What the table of a kind shows beside namespace, name and age. */
const COLUMNS: Readonly<Record<string, Readonly<Record<string, (spec: Spec, status: Spec) => string>>>> = {
  Service: {
    PORTS: spec => list(spec.ports, port => text(port.port)),
    SELECTOR: spec => labelsText(spec.selector),
  },
  Workload: {
    ADDRESS: spec => text(spec.address),
    PORTS: spec => list(spec.ports, port => text(port.port)),
    'SERVICE ACCOUNT': spec => text(spec.serviceAccount),
    // A leased one has a status: its sidecar has registered it. A pure client listens nowhere.
    'IN MESH': (spec, status) => (spec.inboundPort === undefined && status.ready === undefined ? 'no' : 'yes'),
    READY: (spec, status) => (isEmpty(spec.ports) ? '-' : status.ready === false ? 'no' : 'yes'),
  },
  HTTPRoute: {
    PARENTS: spec => list(spec.parentRefs, parent => text(parent.name)),
    RULES: spec => String(Array.isArray(spec.rules) ? spec.rules.length : 0),
    BACKENDS: spec =>
      list(spec.rules, rule => list(rule.backendRefs, ref => `${text(ref.name)}=${text(ref.weight ?? 1)}`)),
  },
  TrafficPolicy: { TARGET: spec => text(record(spec.targetRef).name) },
  Process: { SERVICE: spec => text(spec.service), REPLICAS: spec => text(spec.replicas ?? 1) },
}

export function resourceTableLines(kind: string, resources: readonly AnyResource[], nowMs: number): string[] {
  const own = Object.entries(COLUMNS[kind] ?? {})
  return tableLines(
    [
      { heading: 'NAMESPACE' },
      { heading: 'NAME' },
      ...own.map(([heading]) => ({ heading })),
      { heading: 'AGE', align: 'right' },
    ],
    resources.map(({ metadata, spec = {}, status = {} }) => [
      metadata.namespace ?? '',
      metadata.name,
      ...own.map(([, cell]) => cell(spec, status)),
      metadata.creationTimestamp === undefined ? '-' : age(nowMs - Date.parse(metadata.creationTimestamp)),
    ]),
  )
}

export function labelsText(labels: unknown): string {
  const pairs = Object.entries(record(labels)).map(([name, value]) => `${name}=${text(value)}`)
  return pairs.length === 0 ? '-' : pairs.join(',')
}

function list(value: unknown, cell: (item: Spec) => string): string {
  const cells = Array.isArray(value) ? value.map(item => cell(record(item))) : []
  return cells.length === 0 ? '-' : cells.join(',')
}

function isEmpty(value: unknown): boolean {
  return !Array.isArray(value) || value.length === 0
}

function record(value: unknown): Spec {
  return typeof value === 'object' && value !== null ? (value as Spec) : {}
}

function text(value: unknown): string {
  return value === undefined || value === null ? '-' : String(value)
}
