import { describe, expect, it } from 'vitest'
import { workloadKey } from '../../../common/mod.ts'
import type { Committed, PageQuery, ResourceRef, StoredPage, StoredResource } from '../store.ts'
import { canary, put, remove, reviews, type StoreUnderTest, turns } from './kit.fixture.ts'

/** What the history of changes is for: watches that miss nothing, and lists that stay as they were. */
export function historyConformance(on: StoreUnderTest): void {
  describe('watch', () => {
    const told = (heard: Committed[]) =>
      heard.map(({ revision, outcomes }) => `${revision} ${outcomes.map(o => `${o.action} ${o.ref.name}`).join(', ')}`)
    const watch = async (fromRevision: number, heard: Committed[]) => {
      const watching = await on.store.watch(fromRevision, committed => heard.push(committed))
      if (!watching.ok) throw new Error(JSON.stringify(watching.error))
      return watching.value
    }

    it('tells the past after a revision, then what comes, each commit once and whole', async () => {
      await on.must([put(reviews, { a: 1 })])
      await on.must([put(reviews, { a: 2 }), put(canary, {})])
      await on.must([put(reviews, { a: 2 }), remove(canary)])
      const heard: Committed[] = []
      const end = await watch(1, heard)
      expect(heard).toEqual([])
      await turns()
      await on.must([put(canary, { b: 1 }), put(reviews, { a: 2 })])
      const past = ['2 configured reviews, created canary', '3 deleted canary']
      expect(told(heard)).toEqual([...past, '4 created canary'])
      end()
      await on.must([put(canary, { b: 2 })])
      expect(heard).toHaveLength(3)
    })

    it('misses nothing and repeats nothing while commits go on', async () => {
      for (let i = 0; i < 200; i++) await on.must([put(reviews, { i })])
      const heard: Committed[] = []
      await watch(0, heard)
      for (let i = 200; i < 300; i++) {
        await on.must([put(reviews, { i })])
        if (i % 10 === 0) await turns(1)
      }
      await turns()
      expect(heard.map(({ revision }) => revision)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    })

    it('tells the past as it was told when it was the present, also after a restart', async () => {
      const heard: Committed[] = []
      on.store.onCommit(committed => heard.push(committed))
      await on.must([put(reviews, { a: 'ü' })])
      await on.must([put(reviews, { a: 2 })])
      await on.must([remove(reviews), put(canary, {})])
      await on.must([put(reviews, { a: 3 })])
      await on.reopen()
      const again: Committed[] = []
      await watch(0, again)
      await turns()
      expect(again).toEqual(heard)
    })

    it('hears nothing of leases, whose revisions it may begin from', async () => {
      await on.must([put(reviews, {})])
      const leased = await on.store.leases.apply([{ kind: 'remove', workload: workloadKey('bookshop', 'a') }])
      const heard: Committed[] = []
      await watch(leased.ok ? leased.value : 0, heard)
      await on.must([put(canary, {})])
      await turns()
      expect(told(heard)).toEqual(['3 created canary'])
    })

    it('refuses a revision that is not there yet', async () => {
      await on.must([put(reviews, {})])
      expect(await on.store.watch(2, () => {})).toEqual({ ok: false, error: { code: 'expired', oldest: 0 } })
      expect(await on.store.page({ limit: 1, atRevision: 2 })).toMatchObject({ ok: false, error: { code: 'expired' } })
    })

    it('lives on when a listener throws, and so do the other listeners', async () => {
      const heard: Committed[] = []
      await on.store.watch(0, () => {
        throw new Error('the listener is broken')
      })
      await watch(0, heard)
      await turns()
      await on.must([put(reviews, { a: 1 })])
      await on.must([put(reviews, { a: 2 })])
      await turns()
      expect(heard).toHaveLength(2)
      expect(on.broken).toEqual(['the listener is broken', 'the listener is broken'])
    })

    it('tells of a commit that a listener makes after the one that it heard of', async () => {
      const heard: Committed[] = []
      on.store.onCommit(({ revision }) => {
        if (revision === 1) void on.store.commit([put(canary, {})], 'listener')
      })
      on.store.onCommit(committed => heard.push(committed))
      await on.must([put(reviews, {})])
      await turns()
      expect(told(heard)).toEqual(['1 created reviews', '2 created canary'])
    })
  })

  describe('pages', () => {
    const ref = (name: string): ResourceRef => ({ kind: 'Service', namespace: 'bookshop', name })
    const page = async (query: PageQuery) => {
      const answer = await on.store.page(query)
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
      await on.must(['a', 'b', 'c', 'd', 'e'].map(name => put(ref(name), { name })))
      await on.must([put(ref('b'), { changed: 1 }), put(canary, {})])
      const { resources: then } = await on.store.list('Service')
      const first = await page({ kind: 'Service', limit: 2 })
      expect(first).toEqual({ revision: 2, resources: then.slice(0, 2), more: true })
      await on.must([remove(ref('b')), remove(ref('c')), put(ref('d'), { changed: 1 }), put(ref('bb'), {})])
      await on.must([put(ref('c'), { again: true }), put(ref('d'), { changed: 2 }), remove(ref('e'))])
      expect(await rest(first, { kind: 'Service', limit: 2 })).toEqual(then)
      expect((await page({ kind: 'Service', limit: 10 })).resources).toEqual((await on.store.list('Service')).resources)
    })

    it('ends with the last resource, and begins behind one that is gone', async () => {
      await on.must([put(ref('a'), {}), put(ref('b'), {}), put(canary, {})])
      expect(await page({ limit: 3 })).toMatchObject({ more: false, resources: { length: 3 } })
      const behind = await page({ kind: 'Service', namespace: 'bookshop', limit: 3, after: ref('aa') })
      expect(behind).toMatchObject({ more: false, resources: [{ ref: ref('b') }] })
      expect(await page({ namespace: 'nowhere', limit: 1 })).toMatchObject({ more: false, resources: [] })
    })
  })
}
