import { expect } from 'vitest'
import { type CaKeyPair, loadCaDir } from '../../../certs/mod.ts'
import { type Application, echoApplication } from '../../fakes/application.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'
import { service } from '../../in-process/resources.ts'
import { clientWith, leafOf } from '../pki.ts'
import { GET, type Got, tlsAsk } from './tls-client.ts'

/** A sidecar with an application behind it, and what it costs to be refused by it. */
export interface Victim {
  readonly mesh: Mesh
  readonly ca: CaKeyPair
  readonly application: Application
  readonly sidecar: SidecarUnderTest
  /** How often it has refused somebody, whatever for. */
  refusals(): Promise<number>
  /** The causes that its log names. */
  causes(): readonly string[]
  /**
   * `attempt` must be refused: no byte of an answer, nothing at the application, a counter up, a cause in the log that matches `why`; and the
   * process lives and serves the next peer.
   */
  refuses(attempt: () => Promise<Pick<Got, 'received'>>, why: RegExp): Promise<void>
  close(): Promise<void>
}

export const PEER = 'spiffe://mesh.test/ns/shop/sa/tester'

export async function startVictim(): Promise<Victim> {
  const mesh = startMesh()
  const loaded = loadCaDir(mesh.caDir)
  if (!loaded.ok) throw new Error(loaded.error)
  const ca = loaded.value
  const application = await mesh.with(echoApplication('catalog'))
  const sidecar = await mesh.sidecar('catalog', {
    ...{ port: application.port, labels: { app: 'catalog' } },
    resources: [service('catalog', { app: 'catalog' })],
  })
  const good = clientWith(leafOf({ id: PEER, issuer: ca }))
  const causes = (): readonly string[] =>
    sidecar.log().flatMap(({ msg, why }) => (String(msg).startsWith('Refused a peer') ? [String(why)] : []))
  const refusals = async (): Promise<number> => {
    const counts = (await sidecar.page('/metrics')).matchAll(/^selvedge_refusals_total\{[^}]*\} ([0-9]+)$/gm)
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  }
  return {
    ...{ mesh, ca, application, sidecar, refusals, causes },
    async refuses(attempt, why) {
      const [seen, refused, lines] = [application.seen, await refusals(), causes().length]
      const { received } = await attempt()
      expect(received).toBe('')
      await until(async () => (await refusals()) > refused)
      expect(causes().slice(lines)).toEqual([expect.stringMatching(why)])
      expect(application.seen).toBe(seen)
      expect((await tlsAsk(sidecar.inbound, good, GET)).received).toMatch(/^HTTP\/1\.1 200 /)
      expect(application.seen).toBe(seen + 1)
    },
    close: () => mesh.close(),
  }
}
