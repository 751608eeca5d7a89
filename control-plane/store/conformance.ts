import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, type SpiffeId, workloadKey } from '../../common/mod.ts'
import type { Committed, LeaseRecord, ResourceRef, Store, StoreChange } from './store.ts'

/** A place where one database lives; `open` may be called again once what it returned is closed. */
export interface StoreBackend {
  open(clock: Clock): Promise<Store>
  destroy(): Promise<void>
}

const NOW_MS = 1_800_000_000_000
const clock: Clock = { nowMs: () => 0, wallMs: () => NOW_MS }
const reviews: ResourceRef = { kind: 'Service', namespace: 'bookshop', name: 'reviews' }
const canary: ResourceRef = { kind: 'HTTPRoute', namespace: 'bookshop', name: 'canary' }

const put = (ref: ResourceRef, content: object, expectedResourceVersion?: number): StoreChange => ({
  kind: 'put',
  ref,
  content: { ...content },
  expectedResourceVersion,
})
const remove = (ref: ResourceRef, expectedResourceVersion?: number): StoreChange => ({
  kind: 'delete',
  ref,
  expectedResourceVersion,
})

/** What every store promises, told as tests. Each backend's own test calls it. */
export function storeConformance(name: string, makeBackend: () => Promise<StoreBackend>): void {
  describe(`${name} is a store`, () => {
    let backend: StoreBackend
    let store: Store
    const must = async (changes: readonly StoreChange[]): Promise<Committed> => {
      const result = await store.commit(changes, 'alice')
      if (!result.ok) throw new Error(JSON.stringify(result.error))
      return result.value
    }
    const reopen = async () => {
      await store.close()
      store = await backend.open(clock)
    }

    beforeEach(async () => {
      backend = await makeBackend()
      store = await backend.open(clock)
    })
    afterEach(async () => {
      await store.close()
      await backend.destroy()
    })

    describe('resources', () => {
      it('begins empty, at revision 0', async () => {
        expect(await store.list()).toEqual({ revision: 0, resources: [] })
        expect(await store.read(reviews)).toBeUndefined()
      })

      it('gives one commit one revision, whatever it holds', async () => {
        const { revision, outcomes } = await must([put(reviews, { a: 1 }), put(canary, { b: 2 })])
        expect(revision).toBe(1)
        expect(outcomes.map(outcome => outcome.action)).toEqual(['created', 'created'])
        const held = await store.read(reviews)
        expect(held).toMatchObject({ ref: reviews, content: { a: 1 }, resourceVersion: 1, createdMs: NOW_MS })
      })

      it('makes no version of what has the same content already, in whatever order its keys stand', async () => {
        await must([put(reviews, { a: 1, b: { c: 1, d: 2 } })])
        const { revision, outcomes } = await must([put(reviews, { b: { d: 2, c: 1 }, a: 1 })])
        expect(revision).toBe(1)
        expect(outcomes[0]?.action).toBe('unchanged')
      })

      it('keeps uid and creation through changes, and gives a new uid to what is made again', async () => {
        await must([put(reviews, { a: 1 })])
        const first = await store.read(reviews)
        await must([put(reviews, { a: 2 })])
        expect(await store.read(reviews)).toMatchObject({ uid: first?.uid, resourceVersion: 2, content: { a: 2 } })
        await must([remove(reviews)])
        await must([put(reviews, { a: 2 })])
        expect((await store.read(reviews))?.uid).not.toBe(first?.uid)
      })

      it('refuses a write that names an older version, and says the current one', async () => {
        await must([put(reviews, { a: 1 })])
        await must([put(reviews, { a: 2 }, 1)])
        const stale = await store.commit([put(reviews, { a: 3 }, 1)], 'bob')
        expect(stale).toEqual({ ok: false, error: { code: 'conflict', ref: reviews, current: 2 } })
        const mustBeNew = await store.commit([put(reviews, { a: 3 }, 0)], 'bob')
        expect(mustBeNew).toMatchObject({ ok: false, error: { current: 2 } })
        expect(await store.commit([remove(canary, 7)], 'bob')).toMatchObject({ error: { current: undefined } })
      })

      it('applies nothing of a commit of which one change is refused', async () => {
        await must([put(reviews, { a: 1 })])
        const result = await store.commit([put(canary, { b: 1 }), put(reviews, { a: 2 }, 99)], 'bob')
        expect(result.ok).toBe(false)
        expect(await store.read(canary)).toBeUndefined()
        expect(store.revision()).toBe(1)
        expect(await store.audit.list(10)).toHaveLength(1)
      })

      it('previews a commit without a trace', async () => {
        await must([put(reviews, { a: 1 })])
        const preview = await store.preview([put(reviews, { a: 2 }), put(canary, {}), remove(reviews)])
        expect(preview).toMatchObject({ ok: true, value: { revision: 1 } })
        expect(preview.ok && preview.value.outcomes.map(outcome => outcome.action)).toEqual([
          'configured',
          'created',
          'deleted',
        ])
        expect((await store.list()).resources).toMatchObject([{ ref: reviews, content: { a: 1 } }])
        expect(await store.audit.list(10)).toHaveLength(1)
        expect((await must([put(canary, {})])).revision).toBe(2)
      })

      it('deletes, and calls a deletion of nothing absent', async () => {
        await must([put(reviews, { a: 1 })])
        const { revision, outcomes } = await must([remove(reviews), remove(canary)])
        expect(revision).toBe(2)
        expect(outcomes.map(outcome => outcome.action)).toEqual(['deleted', 'absent'])
        expect(await store.list()).toEqual({ revision: 2, resources: [] })
      })

      it('lists by kind and by namespace, sorted', async () => {
        const other: ResourceRef = { kind: 'Service', namespace: 'admin', name: 'zoo' }
        await must([put(reviews, {}), put(canary, {}), put(other, {})])
        const names = async (kind?: string, namespace?: string) =>
          (await store.list(kind, namespace)).resources.map(({ ref }) => `${ref.kind}/${ref.namespace}/${ref.name}`)
        expect(await names()).toEqual(['HTTPRoute/bookshop/canary', 'Service/admin/zoo', 'Service/bookshop/reviews'])
        expect(await names('Service')).toEqual(['Service/admin/zoo', 'Service/bookshop/reviews'])
        expect(await names('Service', 'bookshop')).toEqual(['Service/bookshop/reviews'])
        expect(await names(undefined, 'admin')).toEqual(['Service/admin/zoo'])
      })

      it('is whole again after it was closed and opened, and its revision does not go back', async () => {
        await must([put(reviews, { a: 'ü' })])
        await must([put(canary, {}), remove(reviews)])
        await reopen()
        expect(store.revision()).toBe(2)
        expect(await store.list()).toMatchObject({ revision: 2, resources: [{ ref: canary, resourceVersion: 2 }] })
        expect((await must([put(reviews, {})])).revision).toBe(3)
      })

      it('tells its listeners of each commit that changed something, before it answers', async () => {
        const heard: number[] = []
        const end = store.onCommit(committed => heard.push(committed.revision))
        await must([put(reviews, { a: 1 })])
        expect(heard).toEqual([1])
        await must([put(reviews, { a: 1 })])
        expect(heard).toEqual([1])
        end()
        await must([put(reviews, { a: 2 })])
        expect(heard).toEqual([1])
      })
    })

    describe('audit', () => {
      it('records who changed what and when, with before and after, and nothing of what changed nothing', async () => {
        await must([put(reviews, { a: 1 })])
        await must([put(reviews, { a: 1 })])
        await must([put(reviews, { a: 2 }), remove(canary)])
        await store.audit.record({ actor: 'bob', action: 'token-created', subject: 'bookshop/reviews' })
        const common = { atMs: NOW_MS, actor: 'alice', subject: 'Service bookshop/reviews' }
        expect(await store.audit.list(10)).toMatchObject([
          { id: 3, actor: 'bob', action: 'token-created', subject: 'bookshop/reviews', revision: 2 },
          { id: 2, ...common, action: 'configured', revision: 2, before: { a: 1 }, after: { a: 2 } },
          { id: 1, ...common, action: 'created', revision: 1, before: undefined, after: { a: 1 } },
        ])
        expect(await store.audit.list(1)).toHaveLength(1)
      })
    })

    describe('leases', () => {
      const lease = (name: string, ready: boolean): LeaseRecord => ({
        workload: workloadKey('bookshop', name),
        spiffeId: 'spiffe://cluster.local/ns/bookshop/sa/reviews' as SpiffeId,
        registration: {
          address: '127.0.0.1',
          inboundPort: ready ? 15_006 : undefined,
          ports: [{ name: 'http', port: 8080, protocol: 'http' }],
          labels: { app: 'reviews' },
          serviceAccount: 'reviews',
          zone: '',
          ready,
        },
      })

      it('keeps what was saved last, through a restart, and counts each transaction as a revision', async () => {
        await must([put(reviews, {})])
        const save = (...leases: LeaseRecord[]) => leases.map(record => ({ kind: 'save', lease: record }) as const)
        expect(await store.leases.apply(save(lease('a', false), lease('b', true)))).toEqual({ ok: true, value: 2 })
        expect(await store.leases.apply(save(lease('a', true)))).toEqual({ ok: true, value: 3 })
        await reopen()
        expect(store.revision()).toBe(3)
        expect(await store.leases.list()).toEqual([lease('a', true), lease('b', true)])
        await store.leases.apply([{ kind: 'remove', workload: workloadKey('bookshop', 'a') }])
        expect(await store.leases.list()).toEqual([lease('b', true)])
      })
    })

    describe('tokens', () => {
      const token = {
        id: 'abc',
        secretSha256: 'ff',
        namespace: 'bookshop',
        serviceAccount: 'reviews',
        createdMs: NOW_MS,
        expiresMs: NOW_MS + 1_000,
        usesLeft: 2,
      }

      it('lets a token be used as often as it says, and not after it has expired', async () => {
        await store.tokens.insert(token)
        expect(await store.tokens.takeUse('abc', NOW_MS + 1_000)).toBe(false)
        expect(await store.tokens.takeUse('abc', NOW_MS + 999)).toBe(true)
        expect(await store.tokens.takeUse('abc', NOW_MS)).toBe(true)
        expect(await store.tokens.takeUse('abc', NOW_MS)).toBe(false)
        expect(await store.tokens.takeUse('xyz', NOW_MS)).toBe(false)
        await reopen()
        expect(await store.tokens.find('abc')).toEqual({ ...token, usesLeft: 0 })
      })

      it('lists and removes', async () => {
        await store.tokens.insert(token)
        expect(await store.tokens.list()).toEqual([token])
        await store.tokens.remove('abc')
        await store.tokens.remove('abc')
        expect(await store.tokens.list()).toEqual([])
        expect(await store.tokens.find('abc')).toBeUndefined()
      })
    })
  })
}
