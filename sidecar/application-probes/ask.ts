import { connect } from 'node:net'
import { askGrpc } from './ask-grpc.ts'
import { askHttp } from './ask-http.ts'
import type { ProbeTarget } from './table.ts'

/** What the application said; `why` is for whoever reads the kubelet's events. */
export interface ProbeAnswer {
  readonly well: boolean
  readonly why: string
}

/** Asks the application at `host` as the kubelet would have. Never throws; ends within the target's time. */
export async function askApplication(host: string, target: ProbeTarget): Promise<ProbeAnswer> {
  switch (target.kind) {
    case 'http':
      return askHttp(host, target)
    case 'tcp':
      return askTcp(host, target)
    case 'grpc':
      return askGrpc(host, target)
  }
}

/** The kubelet is content with a connection. */
function askTcp(host: string, { port, timeoutMs }: ProbeTarget): Promise<ProbeAnswer> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    const end = (well: boolean, why: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ well, why })
    }
    const timer = setTimeout(() => end(false, `port ${port} does not answer in time`), timeoutMs)
    socket.once('connect', () => end(true, 'ok'))
    socket.once('error', (error: NodeJS.ErrnoException) => end(false, `port ${port}: ${error.code ?? error.message}`))
  })
}
