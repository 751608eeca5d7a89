import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
} from '@grpc/grpc-js'
import { type DecodedSpan, type OtlpDecoder, otlpDecoder } from './decoder.ts'

/** A collector of our own: takes OTLP over HTTP and over gRPC, and decodes it with the published protobufs. */
export interface OtlpReceiver {
  readonly httpPort: number
  readonly grpcPort: number
  readonly http: string
  readonly grpc: string
  /** All spans that came, decoded. Throws when something came that is no OTLP. */
  spans(): Promise<readonly DecodedSpan[]>
  /** One entry for each export: its fields, and by which protocol it came. */
  readonly exports: { readonly by: 'http' | 'grpc'; readonly fields: IncomingHttpHeaders; readonly path: string }[]
  /** Forgets what came. */
  forget(): void
  close(): Promise<void>
}

/** With `tls`, both ports speak it, and are reached as `localhost`. */
export async function startReceiver(tls?: Tls): Promise<OtlpReceiver> {
  const decoder = await otlpDecoder()
  const exports: OtlpReceiver['exports'] = []
  let bodies: Promise<readonly DecodedSpan[]>[] = []
  const take = (body: Buffer): void => {
    const decoded = decoder.decode(body)
    // Whoever asks for the spans hears of it.
    decoded.catch(() => undefined)
    bodies.push(decoded)
  }
  const web = await httpSide((path, fields, body) => {
    exports.push({ by: 'http', fields, path })
    take(body)
  }, tls)
  const rpc = await grpcSide((fields, body) => {
    exports.push({ by: 'grpc', fields, path: EXPORT_PATH })
    take(body)
  }, tls)
  const at = tls === undefined ? '://127.0.0.1' : 's://localhost'
  return {
    httpPort: web.port,
    grpcPort: rpc.port,
    http: `http${at}:${web.port}`,
    grpc: `grpc${at}:${rpc.port}`,
    spans: async () => (await Promise.all(bodies)).flat(),
    exports,
    forget: () => {
      bodies = []
      exports.length = 0
    },
    close: async () => {
      await Promise.all([web.close(), rpc.close()])
      decoder.close()
    },
  }
}

export type { DecodedSpan, OtlpDecoder }

/** A certificate that the system's roots may know, and its key, both PEM. */
export interface Tls {
  readonly cert: string
  readonly key: string
}

interface Side {
  readonly port: number
  close(): Promise<void>
}

/** OTLP/HTTP with protobuf: POST, `application/x-protobuf`, answered by an empty ExportTraceServiceResponse. */
async function httpSide(
  take: (path: string, fields: IncomingHttpHeaders, body: Buffer) => void,
  tls: Tls | undefined,
): Promise<Side> {
  return hostileCollector((path, fields, body, response) => {
    const right = path === '/v1/traces' && fields['content-type'] === 'application/x-protobuf'
    if (right) take(path, fields, body)
    response.writeHead(right ? 200 : 404, { 'content-type': 'application/x-protobuf' }).end()
  }, tls)
}

/** Takes whole requests, and leaves the answer to `answer`: also one that no collector would give. */
export async function hostileCollector(
  answer: (path: string, fields: IncomingHttpHeaders, body: Buffer, response: ServerResponse) => void,
  tls?: Tls,
): Promise<Side> {
  const sockets = new Set<Socket>()
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const parts: Buffer[] = []
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => answer(request.url ?? '', request.headers, Buffer.concat(parts), response))
  }
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

const EXPORT_PATH = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
const asIs = (bytes: Buffer): Buffer => bytes
const EXPORT = {
  Export: {
    path: EXPORT_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
} as const

type Call = ServerUnaryCall<Buffer, Buffer>
type Answer = sendUnaryData<Buffer>

async function grpcSide(
  take: (fields: IncomingHttpHeaders, body: Buffer) => void,
  tls: Tls | undefined,
): Promise<Side> {
  return grpcCollector((call, answer) => {
    take(call.metadata.getMap() as IncomingHttpHeaders, call.request)
    answer(null, Buffer.alloc(0))
  }, tls)
}

/** As `hostileCollector`, over gRPC. */
export async function grpcCollector(onExport: (call: Call, answer: Answer) => void, tls?: Tls): Promise<Side> {
  const server = new Server()
  server.addService(EXPORT, { Export: onExport })
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }])
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)))
  })
  return { port, close: async () => server.forceShutdown() }
}

/** A gRPC answer that is an error. */
export function grpcError(code: number, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: new Metadata() })
}
