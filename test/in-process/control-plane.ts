import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { type Result, systemClock, systemRandom, type TrustDomain } from '../../common/mod.ts'
import { discoveryServerCredentials, openAuthority, openOwnLeaf, peerIdentity } from '../../control-plane/ca/mod.ts'
import { DISCOVERY_SERVER_OPTIONS, discoveryService } from '../../control-plane/discovery/mod.ts'
import { createFleet, type Fleet } from '../../control-plane/fleet/mod.ts'
import { type GuardedWorld, guardWorld } from '../../control-plane/guard/mod.ts'
import { type LeaseRegistry, openLeaseRegistry } from '../../control-plane/registry/mod.ts'
import { createSnapshots } from '../../control-plane/snapshots/mod.ts'
import type { Store } from '../../control-plane/store/mod.ts'
import { openSqliteStore } from '../../control-plane/store/sqlite/mod.ts'
import { type TelemetryService, telemetryService } from '../../control-plane/telemetry/mod.ts'
import { openWorld, type WorldView } from '../../control-plane/world/mod.ts'

export const TRUST_DOMAIN = 'mesh.test' as TrustDomain

/** The rooms between store and stream, on a real port with real mTLS; nothing of REST and enrolment. */
export interface ControlPlaneUnderTest {
  readonly address: string
  readonly port: number
  /** A CA directory: whoever reads it may sign for anybody. */
  readonly caDir: string
  readonly store: Store
  readonly world: WorldView
  readonly guard: GuardedWorld
  readonly registry: LeaseRegistry
  readonly fleet: Fleet
  readonly telemetry: TelemetryService
  /** Ends all streams and connections; what was stored stays. */
  close(): Promise<void>
}

export function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

export function temporaryDir(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'selvedge-discovery-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** `port` 0 asks for a free one. A data directory that was in use before holds what was stored there. */
export async function startControlPlane(dataDir: string, port = 0): Promise<ControlPlaneUnderTest> {
  const clock = systemClock
  const store = must(await openSqliteStore({ dataDir, clock }))
  const world = must(await openWorld(store))
  const quiet = { error: () => {}, info: () => {} }
  const guard = guardWorld({ world, clock, before: undefined, lost: [], note: () => {}, log: quiet })
  const caDir = join(dataDir, 'ca')
  const authority = must(openAuthority({ dir: caDir, storeIsNew: true, trustDomain: TRUST_DOMAIN, clock }))
  const leaf = must(openOwnLeaf({ authority, clock, random: systemRandom, log: console }))
  const registry = await openLeaseRegistry({
    records: store.leases,
    show: world.applyLeases,
    isWritten: world.isWritten,
    warn: message => console.warn(message),
    graceMs: 1_500,
    restartGraceMs: 10_000,
  })
  const fleet = createFleet({ clock, revision: () => world.state().revision })
  const identify = (call: Parameters<typeof peerIdentity>[0]) =>
    peerIdentity(call, { trustDomain: TRUST_DOMAIN, nowMs: clock.wallMs() })
  const telemetry = telemetryService({ peerIdentity: identify, clock })
  const snapshots = createSnapshots(guard, TRUST_DOMAIN)
  const discovery = discoveryService({
    ...{ snapshots, registry, fleet, peerIdentity: identify, clock },
    name: 'control plane under test',
    log: () => {},
  })
  const server = new Server(DISCOVERY_SERVER_OPTIONS)
  for (const service of [discovery, telemetry] as readonly {
    definition: ServiceDefinition
    implementation: UntypedServiceImplementation
  }[]) {
    server.addService(service.definition, service.implementation)
  }
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, discoveryServerCredentials(leaf), (error, found) => {
      if (error) reject(error)
      else resolve(found)
    })
  })
  return {
    ...{ address: `127.0.0.1:${bound}`, port: bound, caDir, store, world, guard, registry, fleet, telemetry },
    async close() {
      discovery.close()
      telemetry.close()
      server.forceShutdown()
      await registry.close()
      leaf.close()
      guard.close()
      world.close()
      await store.close()
    },
  }
}
