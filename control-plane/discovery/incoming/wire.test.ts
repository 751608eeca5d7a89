import { describe, expect, it } from 'vitest'
import { decodeMessage } from './wire.ts'

const registration = {
  ...{ address: '10.0.0.1', inboundPort: 15_006, labels: { app: 'w' }, serviceAccount: 'w', zone: 'z', ready: true },
  ports: [{ name: 'http', port: 8080, protocol: 'http' }],
}
const hello = {
  ...{ protocolVersion: 1, workload: 'ns/w', programVersion: '0.1.0', subscriptions: ['ns/a'], registration },
  ...{ revision: 7, endpointChanges: true },
  held: [
    { name: 'self', version: 'x' },
    { name: 'service/ns/a', version: '-' },
  ],
}

const read = (change: Partial<Record<keyof typeof hello, unknown>>) =>
  decodeMessage({ message: 'hello', hello: { ...hello, ...change } as never })
const readRegistration = (change: Partial<Record<keyof typeof registration, unknown>>) =>
  read({ registration: { ...registration, ...change } })

describe('what a sidecar says', () => {
  it('is read into plain values', () => {
    expect(read({})).toEqual({
      ok: true,
      value: {
        ...{ kind: 'hello', protocolVersion: 1, workload: 'ns/w', namespace: 'ns', programVersion: '0.1.0' },
        ...{ subscriptions: ['ns/a'], registration, revision: 7, endpointChanges: true },
        held: new Map([
          ['self', 'x'],
          ['service/ns/a', '-'],
        ]),
      },
    })
  })

  it('takes port 0 for "serves nothing"', () => {
    const message = readRegistration({ inboundPort: 0 })
    expect(message.ok && message.value.kind === 'hello' && message.value.registration.inboundPort).toBeUndefined()
  })

  it.each([
    ['a workload without a namespace', read({ workload: 'w' })],
    ['no registration', read({ registration: null })],
    ['a revision that cannot be counted', read({ revision: 2 ** 53 })],
    ['a subscription that is no name', read({ subscriptions: ['ns/A'] })],
    ['10,001 subscriptions', read({ subscriptions: Array(10_001).fill('ns/a') })],
    ['a held resource of no known kind', read({ held: [{ name: 'secret/ns/a', version: '1' }] })],
    ['50,001 held resources', read({ held: Array(50_001).fill({ name: 'self', version: '1' }) })],
    ['an endless program version', read({ programVersion: 'v'.repeat(257) })],
    ['a host name as the address', readRegistration({ address: 'localhost' })],
    ['a port out of range', readRegistration({ inboundPort: 65_536 })],
    ['a service account that is no name', readRegistration({ serviceAccount: '' })],
    [
      '101 labels',
      readRegistration({ labels: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`l${i}`, '1'])) }),
    ],
    ['an endless label', readRegistration({ labels: { app: 'x'.repeat(257) } })],
    ['an application port out of range', readRegistration({ ports: [{ name: 'http', port: 0, protocol: 'http' }] })],
  ])('is refused with %s', (_, message) => {
    expect(message.ok).toBe(false)
  })

  it('is refused when it is of no known kind', () => {
    expect(decodeMessage({}).ok).toBe(false)
  })

  it('has its problems cut to bounds', () => {
    const problems = Array(200).fill({ resource: 'self', field: 'x', message: 'm'.repeat(5_000) })
    const message = decodeMessage({
      message: 'nack',
      nack: { nonce: '1', problems, lost: ['service/ns/a', 'nothing'] },
    })
    if (!message.ok || message.value.kind !== 'nack') throw new Error('not a NACK')
    expect(message.value.problems.length).toBe(100)
    expect(message.value.lost).toEqual(['service/ns/a'])
    expect(message.value.problems[0]?.message.length).toBe(1_000)
  })
})
