import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { copyCaDir, hasCaDir } from '../certs/mod.ts'
import { type Clock, err, ok, type Result, systemRandom } from '../common/mod.ts'
import { ADMIN_TOKEN_FILE, loadAdminToken } from './api/mod.ts'
import { type Authority, type OwnLeaf, openAuthority, openOwnLeaf } from './ca/mod.ts'
import type { ControlPlaneConfig } from './config.ts'
import type { Store } from './store/mod.ts'
import { DATABASE_FILE, openSqliteStore } from './store/sqlite/mod.ts'
import { type LiveWorld, openWorld } from './world/mod.ts'

/** What outlives the process, opened: the data folder's store, root and token, and the world that the store holds. */
export interface Kept {
  readonly store: Store
  readonly world: LiveWorld
  readonly authority: Authority
  readonly ownLeaf: OwnLeaf
  /** The API's bearer token. */
  readonly token: string
  readonly tokenFile: string
}

/** Calls its argument when the control plane closes: what was opened last is closed first. */
export type OnClose = (close: () => void | Promise<void>) => void

/** Opens all of it, or says in one sentence what is wrong. On the first start it is made. */
export async function openKept(
  config: ControlPlaneConfig,
  clock: Clock,
  log: { warn(message: string): void },
  onClose: OnClose,
): Promise<Result<Kept, string>> {
  const { dataDir, trustDomain, leafLifeMs } = config
  const tokenFile = join(dataDir, ADMIN_TOKEN_FILE)
  // The store is made before the token: where the token is, a store has been.
  if (existsSync(tokenFile) && !existsSync(join(dataDir, DATABASE_FILE))) {
    return err(
      `Cannot open the store: ${join(dataDir, DATABASE_FILE)} is gone, but ${ADMIN_TOKEN_FILE} is there. ` +
        'Restore it from a backup, or begin a new mesh with an empty --data-dir.',
    )
  }
  const store = await openSqliteStore({ dataDir, clock, failed: error => log.warn(`The store: ${String(error)}`) })
  if (!store.ok) return store
  onClose(() => store.value.close())
  const world = await openWorld(store.value)
  if (!world.ok) return world
  onClose(() => world.value.close())
  const adopted = adoptCa(config)
  if (!adopted.ok) return adopted
  const storeIsNew = await isUnused(store.value)
  const authority = openAuthority({ dir: join(dataDir, 'ca'), storeIsNew, trustDomain, clock, leafLifeMs })
  if (!authority.ok) return authority
  const pinned = await pinRoot(store.value, authority.value.rootPin, config)
  if (!pinned.ok) return pinned
  const ownLeaf = openOwnLeaf({ authority: authority.value, clock, random: systemRandom, log, dnsNames: config.names })
  if (!ownLeaf.ok) return ownLeaf
  onClose(() => ownLeaf.value.close())
  const token = loadAdminToken(dataDir)
  if (!token.ok) return token
  return ok({
    store: store.value,
    world: world.value,
    authority: authority.value,
    ownLeaf: ownLeaf.value,
    token: token.value,
    tokenFile,
  })
}

/** Takes the CA that the operator gave, where there is none yet: on Kubernetes it comes as a Secret, and stays in the data folder. */
function adoptCa({ dataDir, caFrom }: ControlPlaneConfig): Result<undefined, string> {
  const own = join(dataDir, 'ca')
  if (caFrom === undefined || hasCaDir(own)) return ok(undefined)
  return copyCaDir(caFrom, own)
}

/** Nothing was ever written, nobody was ever admitted, and no root was ever remembered: a start that ended too early is like none. */
async function isUnused(store: Store): Promise<boolean> {
  return store.revision() === 0 && store.rootPin() === undefined && (await store.tokens.list()).length === 0
}

/**
 * The store remembers the root: with another one, though it is whole and of the same trust domain, no sidecar that runs would trust
 * this control plane, and none that it admits would be trusted by the others.
 */
async function pinRoot(
  store: Store,
  found: string,
  { dataDir, acceptCa }: ControlPlaneConfig,
): Promise<Result<undefined, string>> {
  const known = store.rootPin()
  if (known === found) return ok(undefined)
  if (known !== undefined && acceptCa !== found) {
    return err(
      `Cannot start the certificate authority: the CA in ${join(dataDir, 'ca')} (key ${found}) is not the one of this mesh (key ${known}). ` +
        `Put that one back from its backup; or, when the mesh shall have this new one and every sidecar join again, start once with --accept-ca ${found}`,
    )
  }
  const pinned = await store.pinRoot(found, 'control-plane')
  return pinned.ok
    ? pinned
    : err('message' in pinned.error ? pinned.error.message : 'Cannot remember the CA: conflict.')
}
