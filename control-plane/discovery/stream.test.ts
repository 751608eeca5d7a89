import { EventEmitter } from 'node:events'
import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { err, ok, type SpiffeId, systemClock, workloadKey } from '../../common/mod.ts'
import type { Admitted, Ending } from './admission.ts'
import { createSession } from './session.ts'
import { serveStream } from './stream.ts'
import type { DiscoveryCall } from './wire.ts'

const hello = {
  message: 'hello',
  hello: {
    ...{ protocolVersion: 1, workload: 'ns/w', programVersion: '1', subscriptions: [], held: [] },
    ...{ revision: 0, endpointChanges: true },
    registration: {
      ...{ address: '127.0.0.1', inboundPort: 0, ports: [], labels: {}, serviceAccount: 'w', zone: '', ready: true },
    },
  },
} as const

describe('a discovery stream', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  function streamOf({ refusal = undefined as Ending | undefined, lifeMs = 3_600_000 } = {}) {
    const call = new EventEmitter() as EventEmitter & { end(): void }
    const seen = {
      endings: [] as Ending[],
      detached: 0,
      disconnected: 0,
      ready: [] as boolean[],
      goodbyes: 0,
      asked: [] as string[],
      closedByUs: 0,
    }
    call.on('error', ({ code, details }) => seen.endings.push({ code, details }))
    call.end = () => {
      seen.closedByUs++
    }
    const fleet = { unchanged() {}, sent() {}, acknowledged() {}, refused() {}, abandoned() {} }
    const admitted: Admitted = {
      workload: workloadKey('ns', 'w'),
      session: createSession({
        ...{ held: new Map(), subscriptions: [], fleet, send: () => {} },
        resourcesFor: () => ({ revision: 1, resources: new Map() }),
        changeSince: undefined,
      }),
      lease: { setReady: ready => seen.ready.push(ready), detach: () => seen.detached++ },
      member: { ...fleet, leaves: () => seen.goodbyes++, disconnect: () => seen.disconnected++ },
      answerAddress: address => seen.asked.push(address),
    }
    serveStream({
      call: call as unknown as DiscoveryCall,
      peer: { spiffeId: 'spiffe://mesh.test/ns/ns/sa/w' as SpiffeId, notAfterMs: Date.now() + lifeMs },
      clock: systemClock,
      admit: () => (refusal === undefined ? ok(admitted) : err(refusal)),
      ended: () => {},
    })
    const say = (message: object) => call.emit('data', message)
    const code = () => status[seen.endings[0]?.code ?? status.OK]
    return { call, say, code, seen }
  }

  it('ends when no Hello comes within five seconds', () => {
    const { code } = streamOf()
    vi.advanceTimersByTime(4_999)
    expect(code()).toBe('OK')
    vi.advanceTimersByTime(1)
    expect(code()).toBe('DEADLINE_EXCEEDED')
  })

  it('stays open once Hello has come', () => {
    const { say, code } = streamOf()
    say(hello)
    vi.advanceTimersByTime(60_000)
    expect(code()).toBe('OK')
  })

  it('ends when its first message is not Hello', () => {
    const { say, code } = streamOf()
    say({ message: 'ack', ack: { nonce: '1' } })
    expect(code()).toBe('FAILED_PRECONDITION')
  })

  it('ends at a second Hello', () => {
    const { say, code } = streamOf()
    say(hello)
    say(hello)
    expect(code()).toBe('FAILED_PRECONDITION')
  })

  it('ends at a message that it cannot read', () => {
    const { say, code, seen } = streamOf()
    say(hello)
    say({ message: 'subscribe', subscribe: { add: ['no name'], remove: [] } })
    expect(code()).toBe('INVALID_ARGUMENT')
    expect(seen).toMatchObject({ detached: 1, disconnected: 1 })
  })

  it('ends with the reason for which a sidecar is not let in', () => {
    const { say, seen } = streamOf({ refusal: { code: status.PERMISSION_DENIED, details: 'another' } })
    say(hello)
    expect(seen).toMatchObject({ endings: [{ code: status.PERMISSION_DENIED, details: 'another' }], detached: 0 })
  })

  it('ends when the certificate of its peer ends', () => {
    const { say, code, seen } = streamOf({ lifeMs: 90_000 })
    say(hello)
    vi.advanceTimersByTime(89_999)
    expect(code()).toBe('OK')
    vi.advanceTimersByTime(1)
    expect(code()).toBe('UNAUTHENTICATED')
    expect(seen.detached).toBe(1)
  })

  it('gives up lease and place once, however its end is told', () => {
    const { call, say, seen } = streamOf()
    say(hello)
    call.emit('cancelled')
    call.emit('end')
    call.emit('close')
    expect(seen).toMatchObject({ detached: 1, disconnected: 1, closedByUs: 0, endings: [] })
  })

  it('answers the end of the sidecar with its own', () => {
    const { call, say, seen } = streamOf()
    say(hello)
    call.emit('end')
    expect(seen).toMatchObject({ closedByUs: 1, detached: 1, endings: [] })
  })

  it('hands on whether the application answers', () => {
    const { say, seen } = streamOf()
    say(hello)
    say({ message: 'readiness', readiness: { ready: false } })
    expect(seen.ready).toEqual([false])
  })

  it('hands on that the sidecar is about to end', () => {
    const { say, seen } = streamOf()
    say(hello)
    say({ message: 'goodbye', goodbye: {} })
    expect(seen).toMatchObject({ goodbyes: 1, disconnected: 0, endings: [] })
  })
})
