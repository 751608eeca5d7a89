import type { Edge } from '../rest/answers.ts'

/** What `selvedge up -o json` prints as its last line. */
export interface Summary {
  readonly requests: number
  /** 0 to 1, over all requests; 1 where there were none. */
  readonly successRate: number
  readonly mtlsRate: number
  /** Sidecars that were connected to the control plane. */
  readonly sidecars: number
  readonly edges: readonly {
    readonly source: string
    readonly destination: string
    readonly requests: number
    readonly p50Ms: number
    readonly p99Ms: number
  }[]
}

export function summarize(edges: readonly Edge[], sidecars: number): Summary {
  const requests = edges.reduce((sum, edge) => sum + edge.requests, 0)
  return {
    requests,
    successRate: share(edges, requests, edge => edge.successRate),
    mtlsRate: share(edges, requests, edge => edge.mtlsRate),
    sidecars,
    edges: edges.map(({ source, destination, requests, p50Ms, p99Ms }) => ({
      source,
      destination,
      requests,
      p50Ms,
      p99Ms,
    })),
  }
}

/** The edges' rates, each weighted by its requests. Counted in whole requests, so that all of them are exactly 1. */
function share(edges: readonly Edge[], requests: number, rateOf: (edge: Edge) => number): number {
  if (requests === 0) return 1
  return edges.reduce((sum, edge) => sum + Math.round(edge.requests * rateOf(edge)), 0) / requests
}
