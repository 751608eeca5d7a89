import { type Filter, NO_GRPC_STATUS, pathOf } from '../../http/mod.ts'

/** What pino's logger is to us. */
export interface AccessLogSink {
  info(fields: object, message: string): void
}

/** One JSON line for each exchange, when it is on. The query isn't logged: tokens travel in it. */
export function accessLog(
  direction: 'inbound' | 'outbound',
  log: AccessLogSink,
  enabled: () => boolean,
  nowMs: () => number,
): Filter {
  return {
    name: 'access-log',
    end: x => {
      if (!enabled() || x.moot === 'withdrawn') return
      const { facts, request } = x
      log.info(
        {
          direction,
          source: facts.source,
          destination: facts.destination,
          method: request.method,
          authority: request.authority,
          path: pathOf(request.target),
          status: x.status,
          grpcStatus: facts.grpcStatus === NO_GRPC_STATUS ? undefined : facts.grpcStatus,
          cause: facts.cause,
          detail: facts.detail === '' ? undefined : facts.detail,
          route: facts.route === '' ? undefined : facts.route,
          endpoint: facts.endpoint,
          attempts: facts.attempts,
          // Inbound: how the request came; the attempt that follows goes to our own application.
          mtls: direction === 'inbound' ? x.caller.kind === 'peer' : facts.mtls,
          durationMs: Math.round((nowMs() - x.startMs) * 1000) / 1000,
          requestBytes: x.requestBytes,
          answerBytes: x.answerBytes,
          trace: x.traceText.slice(3, 35),
        },
        'exchange',
      )
    },
  }
}
