import type { ChannelOptions, Client } from '@grpc/grpc-js'
import { CONTROL_PLANE_CHANNEL_OPTIONS, discoveryChannelCredentials, type Identity } from '../identity/mod.ts'
import type { Link, LinkEvents, OpenLink } from './link.ts'
import type { Outgoing } from './messages.ts'
import { type DiscoveryStream, decodeIncoming, encodeOutgoing, loadDiscoveryClient, openStream } from './wire.ts'

/** From the end of our half to the end of the control plane's; after that the connection is cut. */
const CLOSE_TIMEOUT_MS = 1_000

const CHANNEL_OPTIONS: ChannelOptions = {
  ...CONTROL_PLANE_CHANNEL_OPTIONS,
  // Each attempt has a channel of its own: a renewed certificate must not meet a connection made with the old one.
  'grpc.use_local_subchannel_pool': 1,
  // Whether to try again, and when, is for whoever opens links.
  'grpc.enable_retries': 0,
  // Ten thousand services with their endpoints come as one update; gRPC's default of 4 MiB is below that.
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 16 * 1024 * 1024,
}

/** Streams over mTLS, each on a connection of its own, as whoever `identity` says we are at that moment. */
export function grpcLinks(discoveryAddress: string, identity: Pick<Identity, 'current'>): OpenLink {
  // Parsed once: it takes 15 ms, in which requests would wait at each new connection.
  let loading: ReturnType<typeof loadDiscoveryClient> | undefined
  const make = async () => {
    loading ??= loadDiscoveryClient()
    const Discovery = await loading
    return new Discovery(discoveryAddress, discoveryChannelCredentials(identity.current()), CHANNEL_OPTIONS)
  }
  return (events, patienceMs) => new GrpcLink(events, patienceMs, make)
}

type DiscoveryClient = InstanceType<Awaited<ReturnType<typeof loadDiscoveryClient>>>

/** `connectivityState` of @grpc/grpc-js, which is not loaded here. */
const READY = 2
const TRANSIENT_FAILURE = 3
const SHUTDOWN = 4

class GrpcLink implements Link {
  private state:
    | { kind: 'loading' }
    | { kind: 'connecting'; client: DiscoveryClient }
    | { kind: 'streaming'; client: DiscoveryClient; stream: DiscoveryStream }
    | { kind: 'ended' } = { kind: 'loading' }
  private readonly events: LinkEvents
  private readonly patienceMs: number

  constructor(events: LinkEvents, patienceMs: number, make: () => Promise<DiscoveryClient>) {
    this.events = events
    this.patienceMs = patienceMs
    make().then(
      client => {
        if (this.state.kind !== 'loading') {
          client.close()
          return
        }
        this.state = { kind: 'connecting', client }
        this.watch(client, Date.now() + patienceMs)
      },
      (error: unknown) => this.fail(error instanceof Error ? error.message : String(error)),
    )
  }

  send(message: Outgoing): void {
    if (this.state.kind === 'streaming') this.state.stream.write(encodeOutgoing(message))
  }

  async close(): Promise<void> {
    const before = this.state
    this.state = { kind: 'ended' }
    if (before.kind === 'streaming') await endInOrder(before.stream)
    if (before.kind === 'streaming' || before.kind === 'connecting') before.client.close()
  }

  /** Follows the connection until it stands. Where it fails, the stream is begun all the same: its error says why. */
  private watch(client: DiscoveryClient & Client, deadlineMs: number): void {
    if (this.state.kind !== 'connecting') return
    const channel = client.getChannel()
    const connectivity: number = channel.getConnectivityState(true)
    if (connectivity === READY) {
      this.begin(client)
      this.events.connected()
    } else if (connectivity === TRANSIENT_FAILURE || connectivity === SHUTDOWN) {
      this.begin(client)
    } else {
      channel.watchConnectivityState(connectivity, deadlineMs, error => {
        if (error) this.fail(`the control plane did not answer within ${this.patienceMs} ms`)
        else this.watch(client, deadlineMs)
      })
    }
  }

  private begin(client: DiscoveryClient): void {
    const stream = openStream(client)
    this.state = { kind: 'streaming', client, stream }
    stream.on('data', wire => {
      if (this.state.kind !== 'streaming') return
      const message = decodeIncoming(wire)
      if (message !== undefined) this.events.message(message)
    })
    stream.on('error', error => this.fail(error.message))
    stream.on('end', () => this.fail('the control plane ended the stream'))
  }

  private fail(why: string): void {
    const before = this.state
    if (before.kind === 'ended') return
    this.state = { kind: 'ended' }
    if (before.kind === 'streaming') before.stream.cancel()
    if (before.kind !== 'loading') before.client.close()
    this.events.ended(why)
  }
}

/** Ends our half, and waits for the other: a stream that is cut could take an acknowledgement with it. */
function endInOrder(stream: DiscoveryStream): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(() => stream.cancel(), CLOSE_TIMEOUT_MS)
    stream.on('status', () => {
      clearTimeout(timer)
      resolve()
    })
    stream.end()
  })
}
