import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SpiffeId, systemClock, workloadKey } from '../../../common/mod.ts'
import type { Committed, Store, StoreChange } from '../../../control-plane/store/mod.ts'
import { openSqliteStore } from '../../../control-plane/store/sqlite/mod.ts'

/** The files of a store, as they lay on the disk at one moment, and what had been acknowledged by then. */
export interface Image {
  readonly folder: string
  readonly truth: unknown
}

export interface Images {
  /** After an orderly end: all is in the database. */
  readonly closed: Image
  /** After `kill -9`: what was written last is in the log alone. */
  readonly killed: Image
  remove(): void
}

export async function makeImages(): Promise<Images> {
  const root = mkdtempSync(join(tmpdir(), 'selvedge-images-'))
  const live = join(root, 'live')
  const imageOf = async (name: string, store: Store): Promise<Image> => {
    const truth = await everythingIn(store)
    const folder = join(root, name)
    // What a crash of the process leaves: the files as they are now.
    if (name === 'closed') await store.close()
    cpSync(live, folder, { recursive: true })
    return { folder, truth }
  }
  const first = await opened(live)
  await first.pinRoot('ab'.repeat(32), 'control-plane')
  await fill(first, 0)
  const closed = await imageOf('closed', first)
  const second = await opened(live)
  await fill(second, 100)
  const killed = await imageOf('killed', second)
  await second.close()
  return { closed, killed, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** All that a store can be asked for. Revisions that a start gives are no part of it. */
export async function everythingIn(store: Store): Promise<unknown> {
  const past: Committed[] = []
  const watching = await store.watch(0, committed => past.push(committed))
  for (let i = 0; i < 20; i++) await new Promise(resolve => setImmediate(resolve))
  if (watching.ok) watching.value()
  return structuredClone({
    resources: (await store.list()).resources,
    leases: await store.leases.list(),
    tokens: await store.tokens.list(),
    apiTokens: await store.apiTokens.list(),
    audit: await store.audit.list(10_000),
    rootPin: store.rootPin(),
    past: watching.ok ? past : watching.error,
  })
}

async function fill(store: Store, from: number): Promise<void> {
  const now = systemClock.wallMs()
  for (let i = from; i < from + 30; i++) {
    const change: StoreChange = {
      kind: 'put',
      ref: { kind: 'Service', namespace: 'shop', name: `s${i % 20}` },
      content: { i, text: 'what a policy says, '.repeat(1 + (i % 40)) },
      expectedResourceVersion: undefined,
    }
    await store.commit([change], 'alice')
  }
  await store.commit(
    [{ kind: 'delete', ref: { kind: 'Service', namespace: 'shop', name: 's7' }, expectedResourceVersion: undefined }],
    'bob',
  )
  const registration = {
    ...{ address: '127.0.0.1', inboundPort: 15_006, ports: [], labels: { app: 'a' }, serviceAccount: 'a', zone: '' },
    ready: true,
  }
  const spiffeId = 'spiffe://cluster.local/ns/shop/sa/a' as SpiffeId
  for (const name of ['a', 'b']) {
    const lease = { workload: workloadKey('shop', `${name}${from}`), spiffeId, registration }
    await store.leases.apply([{ kind: 'save', lease }])
  }
  const times = { createdMs: Math.round(now), expiresMs: Math.round(now) + 3_600_000 }
  const secretSha256 = 'cd'.repeat(32)
  const whose = { namespace: 'shop', serviceAccount: 'a' }
  await store.tokens.insert({ id: `t${from}`, secretSha256, ...whose, ...times, usesLeft: 3 })
  await store.tokens.takeUse(`t${from}`, now)
  await store.apiTokens.insert({ id: `r${from}`, name: 'ci', role: 'read', secretSha256, ...times })
  await store.audit.record({ actor: 'alice', action: 'token-created', subject: `t${from}` })
}

async function opened(dataDir: string): Promise<Store> {
  const store = await openSqliteStore({ dataDir, clock: systemClock })
  if (!store.ok) throw new Error(store.error)
  return store.value
}
