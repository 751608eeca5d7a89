import { haproxyConfig, haproxyTls, type Scene } from '../peers/mod.ts'
import { LOAD_CORES } from '../plan.ts'
import { findCommand, freePort, type Program } from '../workspace.ts'

/** Takes plaintext, and makes a new connection with mutual TLS for each request. */
export interface Connector {
  readonly port: number
  readonly program: Program
}

/**
 * HAProxy as a client: no load generator brings a client certificate, and none in this language would connect as fast as what is measured
 * can accept. It stands on the load's cores, so its time isn't counted.
 */
export async function startConnector(scene: Scene, name: string, farPort: number): Promise<Connector> {
  const port = await freePort()
  const { server } = haproxyTls(scene.certificates, 'http/1.1')
  const config = haproxyConfig({
    mode: 'http',
    bind: `127.0.0.1:${port}`,
    server: `127.0.0.1:${farPort} ${server}`,
    backend: 'option http-server-close',
  })
  const path = scene.workspace.write(`connector-${name}.cfg`, config)
  return { port, program: scene.workspace.start(LOAD_CORES, findCommand('haproxy') ?? 'haproxy', ['-db', '-f', path]) }
}
