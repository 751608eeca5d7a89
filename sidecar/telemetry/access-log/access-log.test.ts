import { expect, test } from 'vitest'
import { Stack } from '../../http/mod.ts'
import { endWith, exchange } from '../exchange.fixture.ts'
import { accessLog } from '../mod.ts'

function logging(enabled: boolean) {
  const lines: object[] = []
  const log = { info: (fields: object) => void lines.push(fields) }
  const stack = new Stack(
    [
      accessLog(
        'outbound',
        log,
        () => enabled,
        () => 1_002.3456,
      ),
    ],
    () => {},
  )
  const x = exchange()
  stack.begin(x)
  x.traceText = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`
  endWith(x, 200)
  return lines
}

test('an exchange is one line, without its query', () => {
  const lines = logging(true)
  expect(lines).toMatchObject([
    { direction: 'outbound', method: 'GET', authority: 'reviews', path: '/a/b', status: 200, durationMs: 2.346 },
  ])
  expect(lines).toMatchObject([{ trace: '1'.repeat(32) }])
  expect(JSON.stringify(lines)).not.toContain('secret')
})

test('nothing is logged while it is off', () => {
  expect(logging(false)).toEqual([])
})
