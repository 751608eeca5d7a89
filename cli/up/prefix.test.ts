import { expect, test } from 'vitest'
import { prefixer } from './prefix.ts'

test('names are padded to one width', () => {
  const prefix = prefixer(['load', 'catalog-v1'], false)
  expect(prefix('load', 'hello')).toBe('load       | hello')
})

test('a program and its sidecar share a colour, which differs from the next', () => {
  const prefix = prefixer(['a', 'b'], true)
  const colourOf = (name: string) => /\[(\d+)m/.exec(prefix(name, ''))?.[1]
  expect(colourOf('a/sidecar')).toBe(colourOf('a'))
  expect(colourOf('b')).not.toBe(colourOf('a'))
})
