import { createServer, type Server } from 'node:net'
import { ok, type Port, type Result } from '../common/mod.ts'
import { listen } from './transport/mod.ts'

/** Something to listen for, and where. `flag` is what the user would change. */
interface Listening {
  readonly server: Server
  readonly host: string
  /** A server that was asked for before: the same port as that. */
  readonly port: number | Server
  readonly flag: string
}

/** Whether several threads listen at the same place. The first of them makes sure that nobody else does. */
export type Sharing = 'alone' | 'first' | 'next'

/** Listeners that were opened together, in the order in which they were asked for. */
interface OpenedListeners {
  readonly listeners: readonly { readonly host: string; readonly port: Port }[]
  close(): void
}

/** Opens all of them, or none. */
export async function listenAll(
  all: readonly Listening[],
  sharing: Sharing = 'alone',
): Promise<Result<OpenedListeners, string>> {
  const listeners: { host: string; port: Port }[] = []
  const close = (): void => {
    for (const { server } of all) server.close()
  }
  for (const { server, host, port, flag } of all) {
    const wanted = typeof port === 'number' ? port : listeners[all.findIndex(other => other.server === port)]?.port
    const free = sharing === 'first' ? await tryAlone(host, wanted ?? 0, flag) : ok(undefined)
    const bound = free.ok ? await listen(server, host, wanted ?? 0, flag, sharing !== 'alone') : free
    if (!bound.ok) {
      close()
      return bound
    }
    listeners.push({ host, port: bound.value })
  }
  return ok({ listeners, close })
}

/** A port that is to be shared could be shared by another program of the same user, and traffic would get lost in it: so it must be free. */
async function tryAlone(host: string, port: number, flag: string): Promise<Result<undefined, string>> {
  if (port === 0) return ok(undefined)
  const server = createServer()
  const bound = await listen(server, host, port, flag)
  if (!bound.ok) return bound
  await new Promise(resolve => server.close(resolve))
  return ok(undefined)
}
