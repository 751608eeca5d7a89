import type { Server } from 'node:net'
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

/** Listeners that were opened together, in the order in which they were asked for. */
interface OpenedListeners {
  readonly listeners: readonly { readonly host: string; readonly port: Port }[]
  close(): void
}

/** Opens all of them, or none. */
export async function listenAll(all: readonly Listening[]): Promise<Result<OpenedListeners, string>> {
  const listeners: { host: string; port: Port }[] = []
  const close = (): void => {
    for (const { server } of all) server.close()
  }
  for (const { server, host, port, flag } of all) {
    const wanted = typeof port === 'number' ? port : listeners[all.findIndex(other => other.server === port)]?.port
    const bound = await listen(server, host, wanted ?? 0, flag)
    if (!bound.ok) {
      close()
      return bound
    }
    listeners.push({ host, port: bound.value })
  }
  return ok({ listeners, close })
}
