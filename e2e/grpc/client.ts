import { Client, type ClientReadableStream, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { PAIR_HOST } from '../kit/pair.ts'
import { TEST_SERVICE } from './server.ts'

const same = (value: Buffer): Buffer => value

export interface Unary {
  readonly message: Buffer
  readonly front: Metadata
  readonly back: Metadata
}

export interface Ended {
  readonly code: status
  readonly details: string
  readonly messages: readonly Buffer[]
}

/** `@grpc/grpc-js` as an application has it, to a port of the loopback. */
export class TestClient {
  readonly client: Client

  constructor(port: number, authority: string = PAIR_HOST) {
    this.client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      'grpc.default_authority': authority,
      'grpc.enable_http_proxy': 0,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      // Each client has a connection of its own.
      'grpc.use_local_subchannel_pool': 1,
    })
  }

  unary(
    name: 'Echo' | 'Fail' | 'Deadline',
    message: Buffer | string,
    metadata = new Metadata(),
    deadlineMs = 20_000,
  ): Promise<Unary> {
    return new Promise((resolve, reject) => {
      let front = new Metadata()
      let back = new Metadata()
      let answer: Buffer | undefined
      const options = { deadline: Date.now() + deadlineMs }
      const call = this.client.makeUnaryRequest(
        TEST_SERVICE[name].path,
        same,
        same,
        Buffer.from(message),
        metadata,
        options,
        (error, value) => {
          if (error !== null) reject(error)
          else answer = value
        },
      )
      call.on('metadata', (received: Metadata) => {
        front = received
      })
      call.on('status', ({ metadata: received }) => {
        back = received
        if (answer !== undefined) resolve({ message: answer, front, back })
      })
    })
  }

  stream(name: 'Count' | 'FailLate' | 'Hang', message: string, deadlineMs = 60_000): ClientReadableStream<Buffer> {
    const options = { deadline: Date.now() + deadlineMs }
    return this.client.makeServerStreamRequest(TEST_SERVICE[name].path, same, same, Buffer.from(message), options)
  }

  /** All of an answer, without its bytes where they are large. */
  async all(call: ClientReadableStream<Buffer>): Promise<Ended> {
    const messages: Buffer[] = []
    call.on('data', (message: Buffer) => messages.push(message))
    call.on('error', () => undefined)
    const { code, details } = await new Promise<{ code: status; details: string }>(resolve =>
      call.on('status', resolve),
    )
    return { code, details, messages }
  }

  sum(messages: Iterable<Buffer>): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + 60_000 }
      const call = this.client.makeClientStreamRequest(TEST_SERVICE.Sum.path, same, same, options, (error, value) =>
        error === null ? resolve(value?.toString() ?? '') : reject(error),
      )
      void (async () => {
        for (const message of messages) if (!call.write(message)) await new Promise(done => call.once('drain', done))
        call.end()
      })()
    })
  }

  chat() {
    const options = { deadline: Date.now() + 20_000 }
    return this.client.makeBidiStreamRequest<Buffer, Buffer>(TEST_SERVICE.Chat.path, same, same, options)
  }

  close(): void {
    this.client.close()
  }
}

/** What a call failed with. */
export function failure(error: unknown): { readonly code: string; readonly details: string } {
  const { code, details } = error as ServiceError
  return { code: status[code] ?? String(code), details }
}
