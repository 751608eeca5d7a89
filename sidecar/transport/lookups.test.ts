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

  test('serve sockets', async () => {
    const { asked, lookups } = lookingUp()
    const socket = connect({ host: 'a.example', port: 1, lookup: lookups.lookup, autoSelectFamily: false })
    const failed = new Promise<Error>(resolve => socket.on('error', resolve))
    await new Promise(resolve => setImmediate(resolve))
    asked[0]!.answer(null)
    expect((await failed).message).toContain('127.0.0.1:1')
  })
})
