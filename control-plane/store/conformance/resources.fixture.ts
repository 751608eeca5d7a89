import { describe, expect, it } from 'vitest'
import type { ResourceRef } from '../store.ts'
import { canary, NOW_MS, put, remove, reviews, type StoreUnderTest } from './kit.fixture.ts'

/** What commits, previews and lists promise, and the revisions that they give. */
export function resourceConformance(on: StoreUnderTest): void {
  describe('resources', () => {
    it('begins empty, at revision 0', async () => {
      expect(await on.store.list()).toEqual({ revision: 0, resources: [] })
      expect(await on.store.read(reviews)).toBeUndefined()
    })

    it('gives one commit one revision, whatever it holds', async () => {
      const { revision, outcomes } = await on.must([put(reviews, { a: 1 }), put(canary, { b: 2 })])
      expect(revision).toBe(1)
      expect(outcomes.map(outcome => outcome.action)).toEqual(['created', 'created'])
      const held = await on.store.read(reviews)
      expect(held).toMatchObject({ ref: reviews, content: { a: 1 }, resourceVersion: 1, createdMs: NOW_MS })
    })

    it('makes no version of what has the same content already, in whatever order its keys stand', async () => {
      await on.must([put(reviews, { a: 1, b: { c: 1, d: 2 } })])
      const { revision, outcomes } = await on.must([put(reviews, { b: { d: 2, c: 1 }, a: 1 })])
      expect(revision).toBe(1)
      expect(outcomes[0]?.action).toBe('unchanged')
    })

    it('keeps uid and creation through changes, and gives a new uid to what is made again', async () => {
      await on.must([put(reviews, { a: 1 })])
      const first = await on.store.read(reviews)
      await on.must([put(reviews, { a: 2 })])
      expect(await on.store.read(reviews)).toMatchObject({ uid: first?.uid, resourceVersion: 2, content: { a: 2 } })
      await on.must([remove(reviews)])
      await on.must([put(reviews, { a: 2 })])
      expect((await on.store.read(reviews))?.uid).not.toBe(first?.uid)
    })

    it('refuses a write that names an older version, and says the current one', async () => {
      await on.must([put(reviews, { a: 1 })])
      await on.must([put(reviews, { a: 2 }, 1)])
      const stale = await on.store.commit([put(reviews, { a: 3 }, 1)], 'bob')
      expect(stale).toEqual({ ok: false, error: { code: 'conflict', ref: reviews, current: 2 } })
      const mustBeNew = await on.store.commit([put(reviews, { a: 3 }, 0)], 'bob')
      expect(mustBeNew).toMatchObject({ ok: false, error: { current: 2 } })
      expect(await on.store.commit([remove(canary, 7)], 'bob')).toMatchObject({ error: { current: undefined } })
    })

    it('applies nothing of a commit of which one change is refused', async () => {
      await on.must([put(reviews, { a: 1 })])
      const result = await on.store.commit([put(canary, { b: 1 }), put(reviews, { a: 2 }, 99)], 'bob')
      expect(result.ok).toBe(false)
      expect(await on.store.read(canary)).toBeUndefined()
      expect(on.store.revision()).toBe(1)
      expect(await on.store.audit.list(10)).toHaveLength(1)
    })

    it('previews a commit without a trace', async () => {
      await on.must([put(reviews, { a: 1 })])
      const heard: number[] = []
      on.store.onCommit(({ revision }) => heard.push(revision))
      const preview = await on.store.preview([put(reviews, { a: 2 }), put(canary, {}), remove(reviews)])
      expect(preview).toMatchObject({ ok: true, value: { revision: 1 } })
      expect(preview.ok && preview.value.outcomes.map(outcome => outcome.action)).toEqual([
        'configured',
        'created',
        'deleted',
      ])
      expect((await on.store.list()).resources).toMatchObject([{ ref: reviews, content: { a: 1 } }])
      expect(await on.store.audit.list(10)).toHaveLength(1)
      expect(heard).toEqual([])
      expect((await on.must([put(canary, {})])).revision).toBe(2)
    })

    it('deletes, and calls a deletion of nothing absent', async () => {
      await on.must([put(reviews, { a: 1 })])
      const { revision, outcomes } = await on.must([remove(reviews), remove(canary)])
      expect(revision).toBe(2)
      expect(outcomes.map(outcome => outcome.action)).toEqual(['deleted', 'absent'])
      expect(await on.store.list()).toEqual({ revision: 2, resources: [] })
    })

    it('lists by kind and by namespace, sorted', async () => {
      const other: ResourceRef = { kind: 'Service', namespace: 'admin', name: 'zoo' }
      await on.must([put(reviews, {}), put(canary, {}), put(other, {})])
      const names = async (kind?: string, namespace?: string) =>
        (await on.store.list(kind, namespace)).resources.map(({ ref }) => `${ref.kind}/${ref.namespace}/${ref.name}`)
      expect(await names()).toEqual(['HTTPRoute/bookshop/canary', 'Service/admin/zoo', 'Service/bookshop/reviews'])
      expect(await names('Service')).toEqual(['Service/admin/zoo', 'Service/bookshop/reviews'])
      expect(await names('Service', 'bookshop')).toEqual(['Service/bookshop/reviews'])
      expect(await names(undefined, 'admin')).toEqual(['Service/admin/zoo'])
    })

    it('is whole again after it was closed and opened, and its revision does not go back', async () => {
      await on.must([put(reviews, { a: 'ü' })])
      await on.must([put(canary, {}), remove(reviews)])
      await on.reopen()
      expect(on.store.revision()).toBeGreaterThanOrEqual(2)
      const { revision, resources } = await on.store.list()
      expect(resources).toMatchObject([{ ref: canary, resourceVersion: 2 }])
      expect((await on.must([put(reviews, {})])).revision).toBe(revision + 1)
    })

    it('leaps to the time when it is opened again: what a restored copy knows nothing of is not given out twice', async () => {
      await on.must([put(reviews, { a: 1 })])
      const last = await on.must([put(reviews, { a: 2 })])
      await on.reopen()
      expect(on.store.revision()).toBe(NOW_MS)
      const heard: number[] = []
      const watching = await on.store.watch(last.revision, committed => heard.push(committed.revision))
      expect(watching.ok).toBe(true)
      expect((await on.must([put(reviews, { a: 3 })])).revision).toBe(NOW_MS + 1)
      for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
      expect(heard).toEqual([NOW_MS + 1])
      // Between the last revision and the leap there is nothing of ours: who names one has it from the time after the copy.
      const fromElsewhere = await on.store.watch(last.revision + 5, () => {})
      expect(fromElsewhere).toMatchObject({ ok: false, error: { code: 'expired' } })
      expect(await on.store.page({ limit: 1, atRevision: last.revision + 5 })).toMatchObject({ ok: false })
      await on.reopen()
      expect((await on.must([put(reviews, { a: 4 })])).revision).toBe(NOW_MS + 2)
      expect((await on.store.watch(last.revision + 5, () => {})).ok).toBe(false)
      expect((await on.store.watch(NOW_MS + 1, () => {})).ok).toBe(true)
    })

    it('begins at 1 though it was opened before, when nothing was written', async () => {
      await on.reopen()
      expect(on.store.revision()).toBe(0)
      expect((await on.must([put(reviews, {})])).revision).toBe(1)
    })

    it('never goes back after everything was deleted', async () => {
      await on.must([put(reviews, {}), put(canary, {})])
      await on.must([remove(reviews), remove(canary)])
      await on.reopen()
      expect((await on.store.list()).resources).toEqual([])
      expect((await on.must([put(reviews, {})])).revision).toBeGreaterThan(2)
    })

    it('[API-7] lets one of two writers through who read the same version, and tells the other the current one', async () => {
      await on.must([put(reviews, { a: 0 })])
      const writers = Array.from({ length: 20 }, (_, i) => on.store.commit([put(reviews, { writer: i }, 1)], `w${i}`))
      const answers = await Promise.all(writers)
      expect(answers.filter(({ ok }) => ok)).toHaveLength(1)
      for (const answer of answers) {
        if (!answer.ok) expect(answer.error).toEqual({ code: 'conflict', ref: reviews, current: 2 })
      }
      const winner = answers.findIndex(({ ok }) => ok)
      expect(await on.store.read(reviews)).toMatchObject({ content: { writer: winner }, resourceVersion: 2 })
    })

    it('gives writers at once a revision each, without a gap', async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, i) => on.store.commit([put({ ...reviews, name: `s${i}` }, { i })], 'alice')),
      )
      const revisions = answers.map(answer => (answer.ok ? answer.value.revision : 0)).sort((a, b) => a - b)
      expect(revisions).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
      expect((await on.store.list()).resources).toHaveLength(50)
    })

    it('tells its listeners of each commit that changed something, before it answers', async () => {
      const heard: number[] = []
      const end = on.store.onCommit(committed => heard.push(committed.revision))
      await on.must([put(reviews, { a: 1 })])
      expect(heard).toEqual([1])
      await on.must([put(reviews, { a: 1 })])
      expect(heard).toEqual([1])
      end()
      await on.must([put(reviews, { a: 2 })])
      expect(heard).toEqual([1])
    })
  })
}
