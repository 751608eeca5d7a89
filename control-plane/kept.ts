import { existsSync } from 'node:fs'
import { join } from 'node:path'
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
  const store = await openSqliteStore({ dataDir, clock })
  if (!store.ok) return store
  onClose(() => store.value.close())
  const world = await openWorld(store.value)
  if (!world.ok) return world
  onClose(() => world.value.close())
  const storeIsNew = await isUnused(store.value)
  const authority = openAuthority({ dir: join(dataDir, 'ca'), storeIsNew, trustDomain, clock, leafLifeMs })
  if (!authority.ok) return authority
  const ownLeaf = openOwnLeaf({ authority: authority.value, clock, random: systemRandom, log })
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

/** Nothing was ever written and nobody was ever admitted: a start that ended too early is like none. */
async function isUnused(store: Store): Promise<boolean> {
  return store.revision() === 0 && (await store.tokens.list()).length === 0
}
