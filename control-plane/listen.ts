import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js'
import { err, ok, type Result } from '../common/mod.ts'

/** What is open, with the one way to close it. */
export interface Listening {
  readonly port: number
  close(): Promise<void>
}

/** Streams have been told that we close; what is still open after this is cut. */
const GRPC_CLOSE_MS = 300

/** `127.0.0.1:15012`, `[::1]:15012` */
export function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

export async function listenGrpc(
  server: GrpcServer,
  credentials: ServerCredentials,
  where: { readonly host: string; readonly port: number; readonly flag: string },
): Promise<Result<Listening, string>> {
  const { host, port, flag } = where
  return new Promise(resolve => {
    server.bindAsync(addressText(host, port), credentials, (error, bound) => {
      if (error !== null) return resolve(err(listenFault(host, port, flag, error.message)))
      resolve(ok({ port: bound, close: () => closeGrpc(server) }))
    })
  })
}

function closeGrpc(server: GrpcServer): Promise<void> {
  return new Promise(resolve => {
    const cut = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, GRPC_CLOSE_MS)
    server.tryShutdown(() => {
      clearTimeout(cut)
      resolve()
    })
  })
}

export async function listenHttp(
  server: HttpServer,
  where: { readonly host: string; readonly port: number; readonly flag: string },
): Promise<Result<Listening, string>> {
  const { host, port, flag } = where
  return new Promise(resolve => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(err(listenFault(host, port, flag, error.code ?? error.message))),
    )
    server.listen(port, host, () => {
      const close = () =>
        new Promise<void>(closed => {
          server.close(() => closed())
          server.closeAllConnections()
        })
      resolve(ok({ port: (server.address() as AddressInfo).port, close }))
    })
  })
}

/** One sentence for a port that can't be had: which flag changes it. */
function listenFault(host: string, port: number, flag: string, fault: string): string {
  const address = addressText(host, port)
  if (fault.includes('EADDRINUSE')) {
    return `Cannot listen on ${address}: another program does. End it, or choose another port with --${flag} (0: a free one).`
  }
  if (fault.includes('EACCES')) {
    return `Cannot listen on ${address}: this user may not. Choose a port of 1024 or above with --${flag}.`
  }
  if (fault.includes('EADDRNOTAVAIL')) {
    return `Cannot listen on ${address}: this machine does not have that address. Choose another with --host.`
  }
  return `Cannot listen on ${address}: ${fault}. Choose another port with --${flag}, or another address with --host.`
}
