import type { KeptSpan } from '../mod.ts'

/** A span of a request that went well. */
export function keptSpan(change: Partial<KeptSpan> = {}): KeptSpan {
  return {
    ...{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', parentSpanId: '' },
    ...{ kind: 'client', source: 'shop/web', destination: 'shop/catalog', route: '', endpoint: '10.0.0.1:15006' },
    ...{
      method: 'GET',
      path: '/books',
      status: 200,
      cause: undefined,
      startUs: 1_700_000_000_000_000,
      durationUs: 1_500,
    },
    ...{
      sampled: true,
      traceState: '',
      authority: 'catalog',
      httpVersion: 1,
      minorVersion: 1,
      mtls: true,
      attempts: 1,
    },
    ...{ outcome: undefined, detail: '', callerLeft: false, grpcStatus: undefined },
    judged: change.status ?? 200,
    ...change,
  }
}
