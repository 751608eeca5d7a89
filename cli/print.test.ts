import { expect, test } from 'vitest'
import { print } from './print.ts'

test('a table shows control characters, and does not send them', async () => {
  const written: string[] = []
  const terminal = {
    out: (text: string) => void written.push(text),
    err: () => {},
    interactive: true,
    colour: false,
    columns: () => 80,
  }
  await print(terminal, 'table', {}, () => ['GET\x1b[2J /', 'b'])
  expect(written).toEqual(['GET?[2J /\nb\n'])
})
