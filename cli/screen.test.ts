import { describe, expect, test } from 'vitest'
import { Screen } from './screen.ts'

function screenOn(interactive: boolean, columns = 80) {
  const written: string[] = []
  const terminal = {
    out: (text: string) => void written.push(text),
    err: () => {},
    interactive,
    colour: false,
    columns: () => columns,
  }
  return { screen: new Screen(terminal), written }
}

test.each([true, false])("a name that a program made up moves nobody's cursor (in a terminal: %s)", interactive => {
  const { screen, written } = screenOn(interactive)
  screen.table(['a -> \x1b[2J\x9b31mb\rc'])
  expect(written).toEqual(['a -> ?[2J?31mb?c\n'])
})

describe('in a terminal', () => {
  test('a table takes the place of the one before', () => {
    const { screen, written } = screenOn(true)
    screen.table(['a', 'b'])
    screen.table(['c', 'd'])
    expect(written).toEqual(['a\nb\n', '\x1b[2F\x1b[Jc\nd\n'])
  })

  test('a line scrolls above the table', () => {
    const { screen, written } = screenOn(true)
    screen.table(['a'])
    screen.line('hello')
    expect(written.join('')).toBe('a\n\x1b[1F\x1b[Jhello\na\n')
  })

  test('lines of the table are cut to the width, so that each stays one', () => {
    const { screen, written } = screenOn(true, 3)
    screen.table(['abcdef'])
    expect(written).toEqual(['ab…\n'])
  })

  test('a table that was released stays where it is', () => {
    const { screen, written } = screenOn(true)
    screen.table(['a'])
    screen.release()
    screen.line('end')
    expect(written.join('')).toBe('a\nend\n')
  })
})

test('where nobody watches, all are plain lines', () => {
  const { screen, written } = screenOn(false)
  screen.table(['a'])
  screen.line('hello')
  screen.table(['b'])
  expect(written.join('')).toBe('a\nhello\nb\n')
})
