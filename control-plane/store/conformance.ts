import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Clock, type SpiffeId, workloadKey } from '../../common/mod.ts'
import type {
  ApiTokenRecord,
  Committed,
  LeaseRecord,
  PageQuery,
  ResourceRef,
  Store,
  StoreChange,
  StoredPage,
  StoredResource,
} from './store.ts'

/** A place where one database lives; `open` may be called again once what it returned is closed. */
export interface StoreBackend {
  open(clock: Clock, failed: (error: unknown) => void): Promise<Store>
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
    /** What listeners threw. */
    const broken: string[] = []
    const must = async (changes: readonly StoreChange[]): Promise<Committed> => {
      const result = await store.commit(changes, 'alice')
      if (!result.ok) throw new Error(JSON.stringify(result.error))
      return result.value
    }
    const reopen = async () => {
      await store.close()
      store = await backend.open(clock, error => broken.push(error instanceof Error ? error.message : String(error)))
    }

    beforeEach(async () => {
      backend = await makeBackend()
      store = await backend.open(clock, error => broken.push(error instanceof Error ? error.message : String(error)))
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
        const heard: number[] = []
        store.onCommit(({ revision }) => heard.push(revision))
        const preview = await store.preview([put(reviews, { a: 2 }), put(canary, {}), remove(reviews)])
        expect(preview).toMatchObject({ ok: true, value: { revision: 1 } })
        expect(preview.ok && preview.value.outcomes.map(outcome => outcome.action)).toEqual([
          'configured',
          'created',
          'deleted',
        ])
        expect((await store.list()).resources).toMatchObject([{ ref: reviews, content: { a: 1 } }])
        expect(await store.audit.list(10)).toHaveLength(1)
        expect(heard).toEqual([])
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
        expect(store.revision()).toBeGreaterThanOrEqual(2)
        const { revision, resources } = await store.list()
        expect(resources).toMatchObject([{ ref: canary, resourceVersion: 2 }])
        expect((await must([put(reviews, {})])).revision).toBe(revision + 1)
      })

      it('leaps to the time when it is opened again: what a restored copy knows nothing of is not given out twice', async () => {
        await must([put(reviews, { a: 1 })])
        const last = await must([put(reviews, { a: 2 })])
        await reopen()
        expect(store.revision()).toBe(NOW_MS)
        const heard: number[] = []
        const watching = await store.watch(last.revision, committed => heard.push(committed.revision))
        expect(watching.ok).toBe(true)
        expect((await must([put(reviews, { a: 3 })])).revision).toBe(NOW_MS + 1)
        for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
        expect(heard).toEqual([NOW_MS + 1])
        // Between the last revision and the leap there is nothing of ours: who names one has it from the time after the copy.
        const fromElsewhere = await store.watch(last.revision + 5, () => {})
        expect(fromElsewhere).toMatchObject({ ok: false, error: { code: 'expired' } })
        expect(await store.page({ limit: 1, atRevision: last.revision + 5 })).toMatchObject({ ok: false })
        await reopen()
        expect((await must([put(reviews, { a: 4 })])).revision).toBe(NOW_MS + 2)
        expect((await store.watch(last.revision + 5, () => {})).ok).toBe(false)
        expect((await store.watch(NOW_MS + 1, () => {})).ok).toBe(true)
      })

      it('begins at 1 though it was opened before, when nothing was written', async () => {
        await reopen()
        expect(store.revision()).toBe(0)
        expect((await must([put(reviews, {})])).revision).toBe(1)
      })

      it('never goes back after everything was deleted', async () => {
        await must([put(reviews, {}), put(canary, {})])
        await must([remove(reviews), remove(canary)])
        await reopen()
        expect((await store.list()).resources).toEqual([])
        expect((await must([put(reviews, {})])).revision).toBeGreaterThan(2)
      })

      it('[API-7] lets one of two writers through who read the same version, and tells the other the current one', async () => {
        await must([put(reviews, { a: 0 })])
        const writers = Array.from({ length: 20 }, (_, i) => store.commit([put(reviews, { writer: i }, 1)], `w${i}`))
        const answers = await Promise.all(writers)
        expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
        for (const answer of answers) {
          if (!answer.ok) expect(answer.error).toEqual({ code: 'conflict', ref: reviews, current: 2 })
        }
        const winner = answers.findIndex(({ ok }) => ok)
        expect(await store.read(reviews)).toMatchObject({ content: { writer: winner }, resourceVersion: 2 })
      })

      it('gives writers at once a revision each, without a gap', async () => {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, i) => store.commit([put({ ...reviews, name: `s${i}` }, { i })], 'alice')),
        )
        const revisions = answers.map(answer => (answer.ok ? answer.value.revision : 0)).sort((a, b) => a - b)
        expect(revisions).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
        expect((await store.list()).resources).toHaveLength(50)
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

    describe('watch', () => {
      const told = (heard: Committed[]) =>
        heard.map(
          ({ revision, outcomes }) => `${revision} ${outcomes.map(o => `${o.action} ${o.ref.name}`).join(', ')}`,
        )
      const watch = async (fromRevision: number, heard: Committed[]) => {
        const watching = await store.watch(fromRevision, committed => heard.push(committed))
        if (!watching.ok) throw new Error(JSON.stringify(watching.error))
        return watching.value
      }
      const turns = async (count = 20) => {
        for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
      }

      it('tells the past after a revision, then what comes, each commit once and whole', async () => {
        await must([put(reviews, { a: 1 })])
        await must([put(reviews, { a: 2 }), put(canary, {})])
        await must([put(reviews, { a: 2 }), remove(canary)])
        const heard: Committed[] = []
        const end = await watch(1, heard)
        expect(heard).toEqual([])
        await turns()
        await must([put(canary, { b: 1 }), put(reviews, { a: 2 })])
        const past = ['2 configured reviews, created canary', '3 deleted canary']
        expect(told(heard)).toEqual([...past, '4 created canary'])
        end()
        await must([put(canary, { b: 2 })])
        expect(heard).toHaveLength(3)
      })

      it('misses nothing and repeats nothing while commits go on', async () => {
        for (let i = 0; i < 200; i++) await must([put(reviews, { i })])
        const heard: Committed[] = []
        await watch(0, heard)
        for (let i = 200; i < 300; i++) {
          await must([put(reviews, { i })])
          if (i % 10 === 0) await turns(1)
        }
        await turns()
        expect(heard.map(({ revision }) => revision)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
      })

      it('tells the past as it was told when it was the present, also after a restart', async () => {
        const heard: Committed[] = []
        store.onCommit(committed => heard.push(committed))
        await must([put(reviews, { a: 'ü' })])
        await must([put(reviews, { a: 2 })])
        await must([remove(reviews), put(canary, {})])
        await must([put(reviews, { a: 3 })])
        await reopen()
        const again: Committed[] = []
        await watch(0, again)
        await turns()
        expect(again).toEqual(heard)
      })

      it('hears nothing of leases, whose revisions it may begin from', async () => {
        await must([put(reviews, {})])
        const leased = await store.leases.apply([{ kind: 'remove', workload: workloadKey('bookshop', 'a') }])
        const heard: Committed[] = []
        await watch(leased.ok ? leased.value : 0, heard)
        await must([put(canary, {})])
        await turns()
        expect(told(heard)).toEqual(['3 created canary'])
      })

      it('refuses a revision that is not there yet', async () => {
        await must([put(reviews, {})])
        expect(await store.watch(2, () => {})).toEqual({ ok: false, error: { code: 'expired', oldest: 0 } })
        expect(await store.page({ limit: 1, atRevision: 2 })).toMatchObject({ ok: false, error: { code: 'expired' } })
      })

      it('lives on when a listener throws, and so do the other listeners', async () => {
        const heard: Committed[] = []
        await store.watch(0, () => {
          throw new Error('the listener is broken')
        })
        await watch(0, heard)
        await turns()
        await must([put(reviews, { a: 1 })])
        await must([put(reviews, { a: 2 })])
        await turns()
        expect(heard).toHaveLength(2)
        expect(broken).toEqual(['the listener is broken', 'the listener is broken'])
      })

      it('tells of a commit that a listener makes after the one that it heard of', async () => {
        const heard: Committed[] = []
        store.onCommit(({ revision }) => {
          if (revision === 1) void store.commit([put(canary, {})], 'listener')
        })
        store.onCommit(committed => heard.push(committed))
        await must([put(reviews, {})])
        await turns()
        expect(told(heard)).toEqual(['1 created reviews', '2 created canary'])
      })
    })

    describe('pages', () => {
      const ref = (name: string): ResourceRef => ({ kind: 'Service', namespace: 'bookshop', name })
      const page = async (query: PageQuery) => {
        const answer = await store.page(query)
        if (!answer.ok) throw new Error(JSON.stringify(answer.error))
        return answer.value
      }
      const rest = async (first: StoredPage, query: PageQuery): Promise<readonly StoredResource[]> => {
        const found = [...first.resources]
        for (let last = first; last.more; ) {
          last = await page({ ...query, atRevision: first.revision, after: found.at(-1)?.ref })
          expect(last.revision).toBe(first.revision)
          found.push(...last.resources)
        }
        return found
      }

      it('shows everything as it was at the revision of the first page, whatever is written meanwhile', async () => {
        await must(['a', 'b', 'c', 'd', 'e'].map(name => put(ref(name), { name })))
        await must([put(ref('b'), { changed: 1 }), put(canary, {})])
        const { resources: then } = await store.list('Service')
        const first = await page({ kind: 'Service', limit: 2 })
        expect(first).toEqual({ revision: 2, resources: then.slice(0, 2), more: true })
        await must([remove(ref('b')), remove(ref('c')), put(ref('d'), { changed: 1 }), put(ref('bb'), {})])
        await must([put(ref('c'), { again: true }), put(ref('d'), { changed: 2 }), remove(ref('e'))])
        expect(await rest(first, { kind: 'Service', limit: 2 })).toEqual(then)
        expect((await page({ kind: 'Service', limit: 10 })).resources).toEqual((await store.list('Service')).resources)
      })

      it('ends with the last resource, and begins behind one that is gone', async () => {
        await must([put(ref('a'), {}), put(ref('b'), {}), put(canary, {})])
        expect(await page({ limit: 3 })).toMatchObject({ more: false, resources: { length: 3 } })
        const behind = await page({ kind: 'Service', namespace: 'bookshop', limit: 3, after: ref('aa') })
        expect(behind).toMatchObject({ more: false, resources: [{ ref: ref('b') }] })
        expect(await page({ namespace: 'nowhere', limit: 1 })).toMatchObject({ more: false, resources: [] })
      })
    })

    describe('audit', () => {
      it('answers of one subject, of one revision, and in pages', async () => {
        await must([put(reviews, { a: 1 }), put(canary, {})])
        await must([put(reviews, { a: 2 })])
        await must([remove(canary)])
        const ids = async (...query: Parameters<typeof store.audit.list>) =>
          (await store.audit.list(...query)).map(({ id }) => id)
        expect(await ids(10, { subject: 'Service bookshop/reviews' })).toEqual([3, 1])
        expect(await ids(10, { revision: 1 })).toEqual([2, 1])
        expect(await ids(2)).toEqual([4, 3])
        expect(await ids(2, { beforeId: 3 })).toEqual([2, 1])
      })

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
        expect(store.revision()).toBeGreaterThanOrEqual(3)
        expect(await store.leases.list()).toEqual([lease('a', true), lease('b', true)])
        await store.leases.apply([{ kind: 'remove', workload: workloadKey('bookshop', 'a') }])
        expect(await store.leases.list()).toEqual([lease('b', true)])
      })
    })

    describe('root', () => {
      it('remembers which root the mesh has, with a record of who said so', async () => {
        expect(store.rootPin()).toBeUndefined()
        expect((await store.pinRoot('sha256:ab', 'control-plane')).ok).toBe(true)
        await reopen()
        expect(store.rootPin()).toBe('sha256:ab')
        expect((await store.pinRoot('sha256:cd', 'control-plane')).ok).toBe(true)
        expect(store.rootPin()).toBe('sha256:cd')
        expect(store.revision()).toBe(0)
        expect(await store.audit.list(10)).toMatchObject([
          { actor: 'control-plane', action: 'root-pinned', subject: 'sha256:cd' },
          { action: 'root-pinned', subject: 'sha256:ab' },
        ])
      })
    })

    describe('API tokens', () => {
      const times = { createdMs: NOW_MS, expiresMs: NOW_MS + 1_000 }
      const token: ApiTokenRecord = { id: 'abc', name: 'ci', role: 'read', secretSha256: 'ff', ...times }

      it('are kept through a restart, listed with the oldest first, and removed', async () => {
        await store.apiTokens.insert(token)
        await store.apiTokens.insert({ ...token, id: 'old', role: 'write', createdMs: NOW_MS - 1 })
        await reopen()
        expect(await store.apiTokens.find('abc')).toEqual(token)
        expect((await store.apiTokens.list()).map(({ id, role }) => `${id} ${role}`)).toEqual(['old write', 'abc read'])
        await store.apiTokens.remove('abc')
        await store.apiTokens.remove('abc')
        expect(await store.apiTokens.find('abc')).toBeUndefined()
        expect(store.revision()).toBe(0)
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
