import { createServer, type Server } from 'node:net'

/**
 * Ports are chosen below the kernel's range for outgoing connections (32768 and up on Linux): a program that comes back after a
 * death finds its port free, whatever connections were made meanwhile.
 */
const FIRST = 20_000
const LAST = 29_999

/** `count` different ports of the loopback that nobody listens on at this moment. `random` is where the search begins. */
export async function freePorts(count: number, random: () => number): Promise<number[]> {
  const servers: Server[] = []
  const ports: number[] = []
  let port = FIRST + Math.floor(random() * (LAST - FIRST + 1))
  for (let tried = 0; ports.length < count && tried <= LAST - FIRST; tried++) {
    // Each is held until all are found, so that no two are the same.
    const server = await listen(port)
    if (server !== undefined) {
      servers.push(server)
      ports.push(port)
    }
    port = port === LAST ? FIRST : port + 1
  }
  await Promise.all(servers.map(close))
  return ports
}

/** Whether somebody could listen on this port of the loopback at this moment. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port)
  if (server === undefined) return false
  await close(server)
  return true
}

function listen(port: number): Promise<Server | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}
