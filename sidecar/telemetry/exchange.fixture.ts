import { Exchange, Headers, NO_BODY, ownHead } from '../http/mod.ts'

const nobody = { attach: () => {}, resume: () => {}, discard: () => {} }
const nowhere = {
  inform: () => {},
  head: () => {},
  data: () => true,
  end: () => {},
  reset: () => {},
  switchProtocols: () => ({
    tunnelWrite: () => true,
    tunnelEnd: () => {},
    tunnelClose: () => {},
    breakOff: () => {},
    resume: () => {},
  }),
}

/** An exchange that begins at 1,000 ms, with these fields. */
export function exchange(fields: Readonly<Record<string, string>> = {}): Exchange {
  const request = {
    method: 'GET',
    target: '/a/b?token=secret',
    authority: 'reviews',
    headers: Headers.of(Object.entries(fields)),
    body: NO_BODY,
    httpVersion: 1 as const,
    grpc: false,
    minorVersion: 1 as const,
    keepAlive: true,
    expectContinue: false,
    upgrade: undefined,
    hasMeshFields: false,
    traceparent: fields.traceparent,
  }
  return new Exchange(request, nobody, nowhere, { kind: 'application' }, 80, 1_000)
}

/** Ends it with a status. */
export function endWith(x: Exchange, status: number): void {
  x.reply(ownHead(status, 'x', [], 0), Buffer.alloc(0))
}
