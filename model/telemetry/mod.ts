/**
 * What a sidecar reports to the control plane. Facts only: counts since the last report, and spans.
 * Invariants: `source` and `destination` are `namespace/name`; latencies are counted in the cells of `latency-cells.ts`.
 */
export * from './latency-cells.ts'
export type * from './report.ts'
