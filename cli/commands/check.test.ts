import { expect, test } from 'vitest'
import type { FleetMember } from '../rest/mod.ts'
import { findingsOf } from './check.ts'

const NOW_MS = 1_800_000_000_000
const info = { version: '1.0.0', trustDomain: 'cluster.local', enrolment: '', discovery: '', revision: 7 }
const member = (change: Partial<FleetMember> = {}): FleetMember => ({
  workload: 'shop/reviews-1',
  spiffeId: 'spiffe://cluster.local/ns/shop/sa/reviews',
  connected: true,
  since: NOW_MS - 5_000,
  programVersion: '1.0.0',
  ackedRevision: 7,
  pendingRevision: null,
  lastNack: null,
  certificateNotAfter: NOW_MS + 3_600_000,
  subscriptions: [],
  ...change,
})
const nack = { revision: 8, at: NOW_MS, problems: [{ resource: 'HTTPRoute shop/a', field: 'spec', message: 'is bad' }] }
const faultsOf = (change: Partial<FleetMember>, version = '1.0.0') =>
  findingsOf(
    info,
    { revision: 8, sidecars: [member(), member(change)] },
    { version, expiryMs: 60_000, nowMs: NOW_MS, alarms: [] },
  )
    .filter(({ well }) => !well)
    .flatMap(({ faults }) => faults)

test('a mesh is well whose sidecars are there, up to date, and have time left', () => {
  expect(faultsOf({})).toEqual([])
})

test.each<[string, Partial<FleetMember>, string[]]>([
  ['is away', { connected: false }, ['shop/reviews-1 is away for 5s: see whether it runs']],
  ['lags behind', { pendingRevision: 8 }, ['shop/reviews-1 has not acknowledged revision 8 yet']],
  ['refuses', { lastNack: nack }, ['shop/reviews-1 refused revision 8:', '  HTTPRoute shop/a: spec is bad']],
  ['refused once, and took what came after', { lastNack: nack, ackedRevision: 8 }, []],
  [
    'has a certificate that is about to end',
    { certificateNotAfter: NOW_MS + 59_999 },
    ['that of shop/reviews-1 ends in 59s: see its log for why it is not renewed'],
  ],
  ['has one with a minute left', { certificateNotAfter: NOW_MS + 60_000 }, []],
  [
    'has one that has ended',
    { certificateNotAfter: NOW_MS - 1 },
    ['that of shop/reviews-1 has ended: see its log for why it was not renewed'],
  ],
])('a mesh with a sidecar that %s', (_, change, faults) => {
  expect(faultsOf(change)).toEqual(faults)
})

test('a program of another version than the control plane is told', () => {
  expect(faultsOf({}, '0.9.0')).toEqual(['this program is 0.9.0: use 1.0.0'])
})
