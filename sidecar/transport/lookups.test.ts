import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Lookups } from './lookups.ts'

function lookingUp() {
  const asked: { readonly host: string; answer(error: Error | null): void }[] = []
  const lookups = new Lookups((host, _options, callback) => {
    asked.push({ host, answer: error => callback(error, error === null ? '127.0.0.1' : '', 4) })
  })
  const heard: string[] = []
  const look = (host: string, family = 0): void =>
    lookups.lookup(host, { family }, (error, address) => void heard.push(error?.message ?? String(address)))
  return { asked, heard, look, lookups }
}

type Told = Parameters<NonNullable<ConstructorParameters<typeof Lookups>[0]>>[2]
const ok = (address: Parameters<Told>[1]) => (callback: Told) => callback(null, address, 4)
const failing = (message: string) => (callback: Told) => callback(new Error(message), '')

describe('look-ups of names', () => {
  test('go out once for a name, however many wait for it', () => {
    const { asked, heard, look } = lookingUp()
    for (let i = 0; i < 1_000; i++) look('slow.example')
    look('other.example')
    expect(asked.map(({ host }) => host)).toEqual(['slow.example', 'other.example'])
    asked[0]!.answer(null)
    expect(heard).toEqual(new Array(1_000).fill('127.0.0.1'))
  })

  test('fail for all who wait, and begin anew for who comes after', () => {
    const { asked, heard, look } = lookingUp()
    look('a.example')
    look('a.example')
    asked[0]!.answer(new Error('not found'))
    expect(heard).toEqual(['not found', 'not found'])
    look('a.example')
    expect(asked).toHaveLength(2)
  })

  test('of different kinds are not taken for each other', () => {
    const { asked, look } = lookingUp()
    look('a.example', 4)
    look('a.example', 6)
    expect(asked).toHaveLength(2)
  })

  test('are bounded: one name too many fails at once, and not when there is room again', async () => {
    const { asked, heard, look } = lookingUp()
    for (let i = 0; i < 257; i++) look(`n${i}.example`)
    expect(asked).toHaveLength(256)
    expect(heard).toEqual([])
    await new Promise(resolve => process.nextTick(resolve))
    expect(heard).toEqual(['256 other names are being looked up'])
    asked[0]!.answer(null)
    look('n256.example')
    expect(asked).toHaveLength(257)
  })

  test('[FAULT-4] that fail, or find no address, get the last good answer for an hour', () => {
    const state = { nowMs: 0, answer: ok('10.0.0.1') }
    const lookups = new Lookups(
      (_host, _options, callback) => state.answer(callback),
      () => state.nowMs,
    )
    const heard = (host = 'a.example', all = false): string => {
      let found = 'nothing'
      lookups.lookup(host, { family: 0, all }, (error, address) => {
        found = error?.message ?? JSON.stringify(address)
      })
      return found
    }
    const many = [{ address: '10.0.0.2', family: 4 }]
    expect(heard()).toBe('"10.0.0.1"')
    state.answer = ok(many)
    expect(heard('a.example', true)).toBe(JSON.stringify(many))
    for (const bad of [failing('queryA EAI_AGAIN'), failing('ENOTFOUND'), ok(''), ok([])]) {
      state.answer = bad
      expect([heard(), heard('a.example', true)]).toEqual(['"10.0.0.1"', JSON.stringify(many)])
    }
    state.nowMs = 3_599_999
    expect(heard()).toBe('"10.0.0.1"')
    state.answer = ok('10.0.0.3')
    expect(heard()).toBe('"10.0.0.3"')
    state.answer = failing('queryA EAI_AGAIN')
    state.nowMs = 3_599_999 + 3_599_999
    expect([heard(), heard('a.example', true)]).toEqual(['"10.0.0.3"', 'queryA EAI_AGAIN'])
    state.nowMs += 1
    expect(heard()).toBe('queryA EAI_AGAIN')
  })

  test('[FAULT-4] that find no address, now and before, fail', () => {
    for (const empty of [ok(''), ok([])]) {
      const heard: string[] = []
      const lookups = new Lookups((_host, _options, callback) => empty(callback))
      lookups.lookup('a.example', {}, error => void heard.push(error?.message ?? 'found'))
      expect(heard).toEqual(['a.example has no address'])
    }
  })

  test('[FAULT-4] of names that can not be are not made', async () => {
    const { asked, heard, look } = lookingUp()
    look('a'.repeat(253))
    look('a'.repeat(254))
    look(`${'a.'.repeat(30_000)}example`)
    await new Promise(resolve => process.nextTick(resolve))
    expect(asked).toHaveLength(1)
    expect(heard).toEqual([
      expect.stringMatching(/^the name a{32}\.\.\. has 254 characters, and names have at most 253$/),
      expect.stringMatching(/has 60007 characters/),
    ])
  })

  test('[FAULT-4] remember the answers of a thousand names', () => {
    let fails = false
    const lookups = new Lookups((host, _options, callback) =>
      fails ? callback(new Error('away'), '') : callback(null, host, 4),
    )
    const heard = (host: string): string => {
      let found = ''
      lookups.lookup(host, {}, (error, address) => {
        found = error?.message ?? String(address)
      })
      return found
    }
    for (let i = 0; i < 1_001; i++) heard(`n${i}`)
    fails = true
    expect([heard('n0'), heard('n1'), heard('n1000')]).toEqual(['away', 'n1', 'n1000'])
  })

  test('serve sockets', async () => {
    const { asked, lookups } = lookingUp()
    const socket = connect({ host: 'a.example', port: 1, lookup: lookups.lookup, autoSelectFamily: false })
    const failed = new Promise<Error>(resolve => socket.on('error', resolve))
    await new Promise(resolve => setImmediate(resolve))
    asked[0]!.answer(null)
    expect((await failed).message).toContain('127.0.0.1:1')
  })
})
