import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value }

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/interop.Test/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  }
}

/** Messages are bytes: what crosses the mesh is gRPC, whatever it carries. */
export const TEST_SERVICE = {
  Echo: method('Echo', false, false),
  Count: method('Count', false, true),
  Sum: method('Sum', true, false),
  Chat: method('Chat', true, true),
  Fail: method('Fail', false, false),
  FailLate: method('FailLate', false, true),
  Deadline: method('Deadline', false, false),
  Hang: method('Hang', false, true),
} satisfies ServiceDefinition

/** A gRPC server, and what it has seen. */
export interface TestServer {
  readonly port: number
  readonly calls: Record<string, number>
  /** Calls of Hang that were cancelled. */
  cancelled: number
  hanging: number
  close(): void
}

/** Echoes metadata that end in `-bin`, or begin with `x-echo`, at the front; and at the back under `x-trail-bin`. */
export async function startTestServer(name = 'one'): Promise<TestServer> {
  const server = new Server({ 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 })
  const seen = { calls: {} as Record<string, number>, cancelled: 0, hanging: 0 }
  const note = (call: string): void => {
    seen.calls[call] = (seen.calls[call] ?? 0) + 1
  }
  server.addService(TEST_SERVICE, {
    Echo: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      note('Echo')
      const front = call.metadata.clone()
      for (const key of Object.keys(front.getMap())) if (!/^x-echo/.test(key)) front.remove(key)
      front.set('x-server', name)
      call.sendMetadata(front)
      const back = call.metadata.clone()
      for (const key of Object.keys(back.getMap())) if (!/^x-echo.*-bin$/.test(key)) back.remove(key)
      answer(null, call.request, back)
    },
    Count: async (call: ServerWritableStream<Buffer, Buffer>) => {
      note('Count')
      const [count = 0, length = 1] = call.request.toString().split(' ').map(Number)
      const message = Buffer.alloc(length, 'x')
      for (let i = 0; i < count; i++) {
        if (!call.write(message)) await new Promise(resolve => call.once('drain', resolve))
      }
      call.end()
    },
    Sum: (call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      note('Sum')
      let count = 0
      let length = 0
      call.on('data', (message: Buffer) => {
        count++
        length += message.length
      })
      call.on('end', () => answer(null, Buffer.from(`${count} ${length}`)))
    },
    Chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      note('Chat')
      call.on('data', (message: Buffer) => call.write(message))
      call.on('end', () => call.end())
    },
    Fail: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      note('Fail')
      answer({ code: Number(call.request.toString()), details: 'as asked: ünïcode, 100%' })
    },
    FailLate: (call: ServerWritableStream<Buffer, Buffer>) => {
      note('FailLate')
      call.write(Buffer.from('one'))
      call.emit('error', { code: status.DATA_LOSS, details: 'after a message' })
    },
    Deadline: (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      note('Deadline')
      answer(null, Buffer.from(String(Number(call.getDeadline()) - Date.now())))
    },
    Hang: (call: ServerWritableStream<Buffer, Buffer>) => {
      note('Hang')
      seen.hanging++
      call.write(Buffer.from('hanging'))
      call.on('cancelled', () => void seen.cancelled++)
    },
  })
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return Object.assign(seen, { port, close: () => server.forceShutdown() })
}
