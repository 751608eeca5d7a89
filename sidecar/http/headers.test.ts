import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Headers } from './mod.ts'

type Pair = [name: string, value: string]

/** As a codec makes them: marks into one text, which has something before and behind the fields. */
function parsed(pairs: readonly Pair[], dropped: readonly number[] = []): Headers {
  const before = 'GET / HTTP/1.1\r\n'
  let text = before
  const marks: number[] = []
  for (const [index, [name, value]] of pairs.entries()) {
    const start = text.length
    text += `${name}: ${value}\r\n`
    const valueStart = start + name.length + 2
    marks.push(start, dropped.includes(index) ? start : start + name.length, valueStart, valueStart + value.length)
  }
  return new Headers(`${text}\r\nbody`, marks, before.length, text.length, dropped.length > 0)
}

function pairsOf(headers: Headers): Pair[] {
  const pairs: Pair[] = []
  headers.forEach((name, value) => void pairs.push([name, value]))
  return pairs
}

const textOf = (pairs: readonly Pair[]) => pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('')

const FIELDS: Pair[] = [
  ['Host', 'a'],
  ['Accept', 'x'],
  ['X-Selvedge-Caller', 'me'],
  ['accept', 'y'],
  ['x_selvedge_cause', 'overload'],
  ['Last', ''],
]

test('an untouched head is written as it was read', () => {
  expect(parsed(FIELDS).toText()).toBe(textOf(FIELDS))
  expect(parsed([]).toText()).toBe('')
  expect(Headers.empty().toText()).toBe('')
})

describe('looking up', () => {
  test('does not regard case, and joins several values by a comma', () => {
    const headers = parsed(FIELDS)
    expect(headers.get('host')).toBe('a')
    expect(headers.get('accept')).toBe('x, y')
    headers.add('ACCEPT', 'z')
    expect(headers.get('accept')).toBe('x, y, z')
  })

  test('an empty value is there, an absent one is not', () => {
    const headers = parsed(FIELDS)
    expect(headers.get('last')).toBe('')
    expect(headers.has('last')).toBe(true)
    expect(headers.get('las')).toBeUndefined()
    expect(headers.has('hos')).toBe(false)
  })

  test('a field that the codec dropped is not there', () => {
    const headers = parsed(FIELDS, [1])
    expect(headers.get('accept')).toBe('y')
    expect(headers.toText()).toBe(textOf(FIELDS.filter((_, index) => index !== 1)))
  })
})

describe('changing', () => {
  test('set replaces every field of that name by one at the end', () => {
    const headers = parsed(FIELDS)
    headers.add('aCCept', 'z')
    headers.set('Accept', 'only')
    expect(headers.get('accept')).toBe('only')
    expect(headers.toText()).toBe(`${textOf(FIELDS.filter(([name]) => !/^accept$/i.test(name)))}Accept: only\r\n`)
  })

  test('remove takes what was read and what was added', () => {
    const headers = parsed(FIELDS)
    headers.add('Accept', 'z')
    headers.add('Other', 'o')
    headers.remove('accept')
    expect(headers.has('accept')).toBe(false)
    expect(headers.get('other')).toBe('o')
    headers.remove('accept')
    headers.add('accept', 'again')
    expect(headers.get('accept')).toBe('again')
  })

  test('[AUTHZ-9] removePrefix takes every spelling that a gateway may make one of', () => {
    const headers = parsed(FIELDS)
    headers.add('X-SELVEDGE-CALLER', 'me')
    headers.add('x-selvedge', 'stays')
    headers.removePrefix('x-selvedge-')
    expect(pairsOf(headers)).toEqual([
      ['Host', 'a'],
      ['Accept', 'x'],
      ['accept', 'y'],
      ['Last', ''],
      ['x-selvedge', 'stays'],
    ])
  })

  test('nothing is left when everything is removed', () => {
    const headers = parsed(FIELDS)
    for (const [name] of FIELDS) headers.remove(name.toLowerCase())
    expect(headers.toText()).toBe('')
    expect(pairsOf(headers)).toEqual([])
  })
})

describe('any sequence of changes', () => {
  const name = fc.constantFrom('a', 'A', 'b', 'Ab', 'x-m-1', 'X_M-2', 'c')
  const value = fc.constantFrom('', '1', 'two')
  const change = fc.oneof(
    fc.record({ kind: fc.constantFrom('add', 'set'), name, value }),
    fc.record({ kind: fc.constantFrom('remove', 'prefix'), name, value }),
  )

  /** The same, by the plainest means. */
  function applied(pairs: Pair[], { kind, name, value }: { kind: string; name: string; value: string }): Pair[] {
    const lower = name.toLowerCase()
    if (kind === 'add') return [...pairs, [name, value]]
    if (kind === 'prefix')
      return pairs.filter(([other]) => !other.toLowerCase().replaceAll('_', '-').startsWith('x-m-'))
    const kept = pairs.filter(([other]) => other.toLowerCase() !== lower)
    return kind === 'set' ? [...kept, [name, value]] : kept
  }

  test('leaves what a list of pairs would have', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, value), { maxLength: 8 }),
        fc.array(fc.nat(7), { maxLength: 3 }),
        fc.array(change, { maxLength: 8 }),
        (pairs, dropped, changes) => {
          const headers = parsed(
            pairs,
            dropped.filter(index => index < pairs.length),
          )
          let expected: Pair[] = pairs.filter((_, index) => !dropped.includes(index))
          for (const each of changes) {
            if (each.kind === 'add') headers.add(each.name, each.value)
            else if (each.kind === 'set') headers.set(each.name, each.value)
            else if (each.kind === 'prefix') headers.removePrefix('x-m-')
            else headers.remove(each.name.toLowerCase())
            expected = applied(expected, each)
          }
          expect(pairsOf(headers)).toEqual(expected)
          expect(headers.toText()).toBe(textOf(expected))
          for (const [each] of expected) {
            const values = expected.filter(([other]) => other.toLowerCase() === each.toLowerCase()).map(pair => pair[1])
            expect(headers.get(each.toLowerCase())).toBe(values.join(', '))
          }
        },
      ),
    )
  })
})
