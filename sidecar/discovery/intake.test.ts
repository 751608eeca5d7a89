import { describe, expect, it } from 'vitest'
import { err, ok, serviceKey, systemClock } from '../../common/mod.ts'
import type { SelfSnapshot, ServiceSnapshot, SnapshotUpdate } from '../../model/snapshot/mod.ts'
import { createIntake } from './intake.ts'
import { createInterest } from './interest.ts'
import type { LastKnownGood } from './last-known-good.ts'
import type { ReceivedUpdate } from './messages.ts'

const a = serviceKey('ns', 'a')
const service: ServiceSnapshot = { key: a, ports: [], routing: { kind: 'none-attached' }, traffic: {} as never }
const kept: LastKnownGood = {
  update: {
    update: { revision: '5', self: {} as SelfSnapshot, services: [service], endpoints: [], absent: [] },
    versions: new Map([
      ['self', 's'],
      ['service/ns/a', 'v'],
    ]),
  },
  subscriptions: [a],
  savedMs: 0,
}

function received(revision: string): ReceivedUpdate {
  const update = { revision, self: undefined, services: [], endpoints: [], absent: [] }
  return { update, versions: new Map(), changes: [] }
}

function intakeWith(restored: LastKnownGood | undefined, refuses: (update: SnapshotUpdate) => boolean = () => false) {
  const applied: string[] = []
  const interest = createInterest({ nowMs: () => 0 })
  const problem = { resource: 'service/ns/a', field: 'x', message: 'no' }
  const sink = {
    apply(update: SnapshotUpdate) {
      if (refuses(update)) return err([problem])
      applied.push(update.revision)
      return ok(undefined)
    },
  }
  const intake = createIntake({ interest, sink: () => sink, restored, clock: systemClock, log: () => {} })
  return { intake, interest, applied, problem }
}

describe('what a former life has left', () => {
  it('is told in Hello, and is in force only when the control plane has answered or is away', () => {
    const { intake, interest, applied } = intakeWith(kept)
    expect([...interest.held().keys()]).toEqual(['self', 'service/ns/a'])
    expect(interest.subscriptions()).toEqual([a])
    expect(applied).toEqual([])
    intake.bringBack()
    intake.bringBack()
    expect(applied).toEqual(['5'])
  })

  it('comes into force together with the first update, before it', () => {
    const { intake, applied } = intakeWith(kept)
    expect(intake.take(ok(received('7')))).toEqual({ kind: 'ack' })
    intake.bringBack()
    expect(applied).toEqual(['5', '7'])
  })

  it('stays in force when the first update is refused', () => {
    const { intake, applied, problem } = intakeWith(kept, update => update.revision === '7')
    expect(intake.take(ok(received('7')))).toEqual({ kind: 'nack', problems: [problem], lost: [] })
    expect(intake.take(err([problem]))).toEqual({ kind: 'nack', problems: [problem], lost: [] })
    expect(applied).toEqual(['5'])
  })

  it('is all lost when it is of no use after all, and the control plane is told', () => {
    const { intake, interest, applied } = intakeWith(kept, update => update.revision === '5')
    expect(intake.take(ok(received('7')))).toMatchObject({ kind: 'nack', lost: ['self', 'service/ns/a'] })
    expect(interest.held().size).toBe(0)
    expect(intake.take(ok(received('7')))).toEqual({ kind: 'ack' })
    expect(applied).toEqual(['7'])
  })

  it('needs no telling when a new Hello has said so', () => {
    const { intake } = intakeWith(kept, update => update.revision === '5')
    intake.bringBack()
    intake.greeted()
    expect(intake.take(ok(received('7')))).toEqual({ kind: 'ack' })
  })
})
