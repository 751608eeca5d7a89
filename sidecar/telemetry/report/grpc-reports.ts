import type { ChannelOptions } from '@grpc/grpc-js'
import type { TelemetryReport } from '../../../model/telemetry/mod.ts'
import { CONTROL_PLANE_CHANNEL_OPTIONS, discoveryChannelCredentials, type Identity } from '../../identity/mod.ts'
import {
  createReporter,
  type OpenReportLink,
  type Reporter,
  type ReporterOptions,
  type ReportLink,
} from './reporter.ts'
import { encodeReport, loadTelemetryClient, openReports, type ReportStream, type TelemetryClient } from './wire.ts'

/** To reach the control plane and to shake hands with it. */
const CONNECT_TIMEOUT_MS = 5_000
/** From our last report to the control plane's answer; after that the connection is cut. */
const CLOSE_TIMEOUT_MS = 1_000

const CHANNEL_OPTIONS: ChannelOptions = {
  ...CONTROL_PLANE_CHANNEL_OPTIONS,
  // Each attempt has a channel of its own: a renewed certificate must not meet a connection made with the old one.
  'grpc.use_local_subchannel_pool': 1,
  // Whether to try again, and when, is for the reporter.
  'grpc.enable_retries': 0,
}

export interface TelemetryReporterOptions extends Omit<ReporterOptions, 'open'> {
  /** `host:port` of the control plane's mTLS port. */
  readonly discoveryAddress: string
  readonly identity: Pick<Identity, 'current' | 'onChange'>
}

/** Reports to the control plane at `discoveryAddress`, over gRPC with mTLS, from now until it is closed. */
export function telemetryReporter(options: TelemetryReporterOptions): Reporter {
  const { discoveryAddress, identity } = options
  return createReporter({ ...options, open: reportLinks(discoveryAddress, identity) })
}

function reportLinks(discoveryAddress: string, identity: Pick<Identity, 'current'>): OpenReportLink {
  return ended =>
    new GrpcReportLink(ended, async () => {
      const Telemetry = await loadTelemetryClient()
      return new Telemetry(discoveryAddress, discoveryChannelCredentials(identity.current()), CHANNEL_OPTIONS)
    })
}

type Client = InstanceType<TelemetryClient>

class GrpcReportLink implements ReportLink {
  private state:
    | { kind: 'connecting'; client: Client | undefined }
    | { kind: 'streaming'; client: Client; stream: ReportStream }
    | { kind: 'ended' } = { kind: 'connecting', client: undefined }
  private readonly ended: (why: string) => void

  constructor(ended: (why: string) => void, make: () => Promise<Client>) {
    this.ended = ended
    make().then(
      client => this.connect(client),
      (error: unknown) => this.fail(error instanceof Error ? error.message : String(error)),
    )
  }

  writable(): boolean {
    return this.state.kind === 'streaming' && !this.state.stream.writableNeedDrain
  }

  send(report: TelemetryReport): void {
    if (this.state.kind === 'streaming') this.state.stream.write(encodeReport(report))
  }

  async close(): Promise<void> {
    const before = this.state
    this.state = { kind: 'ended' }
    if (before.kind === 'streaming') await endInOrder(before.stream)
    if (before.kind !== 'ended') before.client?.close()
  }

  private connect(client: Client): void {
    if (this.state.kind !== 'connecting') {
      client.close()
      return
    }
    this.state = { kind: 'connecting', client }
    client.waitForReady(Date.now() + CONNECT_TIMEOUT_MS, error => {
      if (this.state.kind !== 'connecting') return
      if (error) this.fail(error.message)
      else this.state = { kind: 'streaming', client, stream: openReports(client, why => this.fail(why)) }
    })
  }

  private fail(why: string): void {
    const before = this.state
    if (before.kind === 'ended') return
    this.state = { kind: 'ended' }
    if (before.kind === 'streaming') before.stream.cancel()
    before.client?.close()
    this.ended(why)
  }
}

function endInOrder(stream: ReportStream): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => stream.cancel(), CLOSE_TIMEOUT_MS)
    stream.on('status', () => {
      clearTimeout(timer)
      resolve()
    })
    stream.end()
  })
}
