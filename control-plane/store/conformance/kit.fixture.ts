import { afterEach, beforeEach } from 'vitest'
import type { Clock } from '../../../common/mod.ts'
import type { Committed, ResourceRef, Store, StoreChange } from '../store.ts'

/** A place where one database lives; `open` may be called again once what it returned is closed. */
export interface StoreBackend {
  open(clock: Clock, failed: (error: unknown) => void): Promise<Store>
  destroy(): Promise<void>
}

/** The store of the test that runs: a fresh one for each. */
export interface StoreUnderTest {
  readonly store: Store
  /** What listeners threw. */
  readonly broken: readonly string[]
  /** A commit by alice that succeeds. */
  must(changes: readonly StoreChange[]): Promise<Committed>
  /** Closes it, and opens it again. */
  reopen(): Promise<void>
}

/** What the clock of every test says, always. */
export const NOW_MS = 1_800_000_000_000
const clock: Clock = { nowMs: () => 0, wallMs: () => NOW_MS }

export const reviews: ResourceRef = { kind: 'Service', namespace: 'bookshop', name: 'reviews' }
export const canary: ResourceRef = { kind: 'HTTPRoute', namespace: 'bookshop', name: 'canary' }

export function put(ref: ResourceRef, content: object, expectedResourceVersion?: number): StoreChange {
  return { kind: 'put', ref, content: { ...content }, expectedResourceVersion }
}

export function remove(ref: ResourceRef, expectedResourceVersion?: number): StoreChange {
  return { kind: 'delete', ref, expectedResourceVersion }
}

/** Lets watchers that are behind come up. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Has a fresh store made before each test of the suite in which it is called, and removed after it. */
export function storeUnderTest(makeBackend: () => Promise<StoreBackend>): StoreUnderTest {
  let backend: StoreBackend
  let store: Store
  let broken: string[] = []
  const open = async (): Promise<void> => {
    store = await backend.open(clock, error => broken.push(error instanceof Error ? error.message : String(error)))
  }
  beforeEach(async () => {
    broken = []
    backend = await makeBackend()
    await open()
  })
  afterEach(async () => {
    await store.close()
    await backend.destroy()
  })
  return {
    get store() {
      return store
    },
    get broken() {
      return broken
    },
    async must(changes) {
      const result = await store.commit(changes, 'alice')
      if (!result.ok) throw new Error(JSON.stringify(result.error))
      return result.value
    },
    async reopen() {
      await store.close()
      await open()
    },
  }
}
