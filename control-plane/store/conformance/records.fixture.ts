import { describe, expect, it } from 'vitest'
import { type SpiffeId, workloadKey } from '../../../common/mod.ts'
import type { ApiTokenRecord, LeaseRecord } from '../store.ts'
import { canary, NOW_MS, put, remove, reviews, type StoreUnderTest } from './kit.fixture.ts'

/** Everything that is kept beside resources. */
export function recordConformance(on: StoreUnderTest): void {
  describe('audit', () => {
    it('answers of one subject, of one revision, and in pages', async () => {
      await on.must([put(reviews, { a: 1 }), put(canary, {})])
      await on.must([put(reviews, { a: 2 })])
      await on.must([remove(canary)])
      const ids = async (...query: Parameters<typeof on.store.audit.list>) =>
        (await on.store.audit.list(...query)).map(({ id }) => id)
      expect(await ids(10, { subject: 'Service bookshop/reviews' })).toEqual([3, 1])
      expect(await ids(10, { revision: 1 })).toEqual([2, 1])
      expect(await ids(2)).toEqual([4, 3])
      expect(await ids(2, { beforeId: 3 })).toEqual([2, 1])
    })

    it('records who changed what and when, with before and after, and nothing of what changed nothing', async () => {
      await on.must([put(reviews, { a: 1 })])
      await on.must([put(reviews, { a: 1 })])
      await on.must([put(reviews, { a: 2 }), remove(canary)])
      await on.store.audit.record({ actor: 'bob', action: 'token-created', subject: 'bookshop/reviews' })
      const common = { atMs: NOW_MS, actor: 'alice', subject: 'Service bookshop/reviews' }
      expect(await on.store.audit.list(10)).toMatchObject([
        { id: 3, actor: 'bob', action: 'token-created', subject: 'bookshop/reviews', revision: 2 },
        { id: 2, ...common, action: 'configured', revision: 2, before: { a: 1 }, after: { a: 2 } },
        { id: 1, ...common, action: 'created', revision: 1, before: undefined, after: { a: 1 } },
      ])
      expect(await on.store.audit.list(1)).toHaveLength(1)
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
      await on.must([put(reviews, {})])
      const save = (...leases: LeaseRecord[]) => leases.map(record => ({ kind: 'save', lease: record }) as const)
      expect(await on.store.leases.apply(save(lease('a', false), lease('b', true)))).toEqual({ ok: true, value: 2 })
      expect(await on.store.leases.apply(save(lease('a', true)))).toEqual({ ok: true, value: 3 })
      await on.reopen()
      expect(on.store.revision()).toBeGreaterThanOrEqual(3)
      expect(await on.store.leases.list()).toEqual([lease('a', true), lease('b', true)])
      await on.store.leases.apply([{ kind: 'remove', workload: workloadKey('bookshop', 'a') }])
      expect(await on.store.leases.list()).toEqual([lease('b', true)])
    })
  })

  describe('root', () => {
    it('remembers which root the mesh has, with a record of who said so', async () => {
      expect(on.store.rootPin()).toBeUndefined()
      expect((await on.store.pinRoot('sha256:ab', 'control-plane')).ok).toBe(true)
      await on.reopen()
      expect(on.store.rootPin()).toBe('sha256:ab')
      expect((await on.store.pinRoot('sha256:cd', 'control-plane')).ok).toBe(true)
      expect(on.store.rootPin()).toBe('sha256:cd')
      expect(on.store.revision()).toBe(0)
      expect(await on.store.audit.list(10)).toMatchObject([
        { actor: 'control-plane', action: 'root-pinned', subject: 'sha256:cd' },
        { action: 'root-pinned', subject: 'sha256:ab' },
      ])
    })
  })

  describe('API tokens', () => {
    const times = { createdMs: NOW_MS, expiresMs: NOW_MS + 1_000 }
    const token: ApiTokenRecord = { id: 'abc', name: 'ci', role: 'read', secretSha256: 'ff', ...times }

    it('are kept through a restart, listed with the oldest first, and removed', async () => {
      await on.store.apiTokens.insert(token)
      await on.store.apiTokens.insert({ ...token, id: 'old', role: 'write', createdMs: NOW_MS - 1 })
      await on.reopen()
      expect(await on.store.apiTokens.find('abc')).toEqual(token)
      expect((await on.store.apiTokens.list()).map(({ id, role }) => `${id} ${role}`)).toEqual([
        'old write',
        'abc read',
      ])
      await on.store.apiTokens.remove('abc')
      await on.store.apiTokens.remove('abc')
      expect(await on.store.apiTokens.find('abc')).toBeUndefined()
      expect(on.store.revision()).toBe(0)
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
      await on.store.tokens.insert(token)
      expect(await on.store.tokens.takeUse('abc', NOW_MS + 1_000)).toBe(false)
      expect(await on.store.tokens.takeUse('abc', NOW_MS + 999)).toBe(true)
      expect(await on.store.tokens.takeUse('abc', NOW_MS)).toBe(true)
      expect(await on.store.tokens.takeUse('abc', NOW_MS)).toBe(false)
      expect(await on.store.tokens.takeUse('xyz', NOW_MS)).toBe(false)
      await on.reopen()
      expect(await on.store.tokens.find('abc')).toEqual({ ...token, usesLeft: 0 })
    })

    it('lists and removes', async () => {
      await on.store.tokens.insert(token)
      expect(await on.store.tokens.list()).toEqual([token])
      await on.store.tokens.remove('abc')
      await on.store.tokens.remove('abc')
      expect(await on.store.tokens.list()).toEqual([])
      expect(await on.store.tokens.find('abc')).toBeUndefined()
    })
  })
}
