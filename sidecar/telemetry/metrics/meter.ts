import { CAUSES, type Cause } from '../../../common/mod.ts'
import { LATENCY_CELLS, latencyCell } from '../../../model/telemetry/mod.ts'
import { httpStatusOfGrpc, NO_GRPC_STATUS } from '../../http/mod.ts'

/** Labels of the series that one meter stands for. Every value is a name from policy, never from a request. */
export interface MeterLabels {
  readonly direction: 'inbound' | 'outbound'
  readonly source: string
  readonly destination: string
  readonly route: string
  /** `tcp`: bytes as they are; one exchange is one connection. */
  readonly protocol: 'http' | 'tcp'
  /** `unsent`: it never came to a connection, so that nothing can be said of one. */
  readonly tls: 'mtls' | 'none' | 'unsent'
}

/** A status, how a gRPC call ended, and a cause share one number: 32 causes at most, and 17 codes with none among them. */
const CAUSE_BITS = 5
const GRPC_BITS = 5
const CAUSE_INDEX: ReadonlyMap<string, number> = new Map(CAUSES.map((cause, index) => [cause, index + 1]))

/**
 * The counts of one (direction, source, destination, route, protocol, TLS). Found once, when a snapshot arrives; a request then touches cells only:
 * a prom-client update costs 0.36 us, a cell 3 ns.
 */
export class Meter {
  readonly labels: MeterLabels
  readonly latency = new Uint32Array(LATENCY_CELLS)
  /** By status, gRPC's status and cause. */
  readonly codes = new Map<number, number>()
  latencySumUs = 0
  requests = 0
  successes = 0
  retries = 0
  requestBytes = 0
  answerBytes = 0

  constructor(labels: MeterLabels) {
    this.labels = labels
  }

  /** One exchange has ended. `grpcStatus`: how the call ended, where it is gRPC and has said so; else -1. */
  record(
    status: number,
    cause: Cause | undefined,
    durationMs: number,
    requestBytes: number,
    answerBytes: number,
    grpcStatus = NO_GRPC_STATUS,
  ): void {
    const us = durationMs * 1000
    this.requests++
    if (status < 500 && cause === undefined && (grpcStatus <= 0 || httpStatusOfGrpc(grpcStatus) < 500)) this.successes++
    this.latencySumUs += us
    this.latency[latencyCell(us)]!++
    const outcome = (status << GRPC_BITS) | (grpcStatus + 1)
    const key = (outcome << CAUSE_BITS) | (cause === undefined ? 0 : CAUSE_INDEX.get(cause)!)
    this.codes.set(key, (this.codes.get(key) ?? 0) + 1)
    this.requestBytes += requestBytes
    this.answerBytes += answerBytes
  }

  forEachCode(visit: (status: number, cause: Cause | undefined, count: number, grpcStatus: number) => void): void {
    for (const [key, count] of this.codes) {
      const outcome = key >> CAUSE_BITS
      visit(outcome >> GRPC_BITS, causeOfCode(key), count, (outcome & ((1 << GRPC_BITS) - 1)) - 1)
    }
  }
}

/** The cause in a key of `codes`. */
export function causeOfCode(key: number): Cause | undefined {
  const index = key & ((1 << CAUSE_BITS) - 1)
  return index === 0 ? undefined : CAUSES[index - 1]
}
