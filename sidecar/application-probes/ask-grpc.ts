import type { ProbeAnswer } from './ask.ts'
import type { ProbeTarget } from './table.ts'

type GrpcTarget = Extract<ProbeTarget, { kind: 'grpc' }>

/** gRPC Health Checking Protocol, whose two messages have one field each: not worth a schema. */
const METHOD = '/grpc.health.v1.Health/Check'
const SERVING = 1
/** Field 1, of wire type 2 (a string) and 0 (a number). */
const SERVICE_TAG = 0x0a
const STATUS_TAG = 0x08

/** Serving is well. In plaintext: the kubelet knows no other. */
export async function askGrpc(host: string, { port, service, timeoutMs }: GrpcTarget): Promise<ProbeAnswer> {
  const { Client, credentials } = await import('@grpc/grpc-js')
  const client = new Client(`${host.includes(':') ? `[${host}]` : host}:${port}`, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
  })
  return new Promise(resolve => {
    client.makeUnaryRequest(
      METHOD,
      encodeService,
      decodeStatus,
      service,
      { deadline: Date.now() + timeoutMs },
      (error, status) => {
        client.close()
        if (error !== null) resolve({ well: false, why: `port ${port}: ${error.details || error.message}` })
        else if (status === SERVING) resolve({ well: true, why: 'ok' })
        else resolve({ well: false, why: `port ${port} says that it is not serving (status ${status})` })
      },
    )
  })
}

/** A name of up to 127 bytes, whose length is one byte; longer ones are cut, and then unknown to the application. */
const SERVICE_BYTES_MAX = 127

export function encodeService(service: string): Buffer {
  const name = Buffer.from(service).subarray(0, SERVICE_BYTES_MAX)
  return name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([SERVICE_TAG, name.length]), name])
}

/** 0, unknown, where the message does not begin with a status. */
export function decodeStatus(message: Buffer): number {
  return message[0] === STATUS_TAG ? (message[1] ?? 0) : 0
}
