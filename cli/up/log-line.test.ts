import { expect, test } from 'vitest'
import { readableLog } from './log-line.ts'

const warning = '{"level":40,"time":1,"pid":7,"hostname":"h","msg":"control plane is away","error":"ECONNREFUSED"}'
const info = '{"level":30,"time":1,"msg":"connected"}'

test('a warning is shown with its fields', () => {
  expect(readableLog(warning, false)).toBe('warn: control plane is away (error=ECONNREFUSED)')
})

test('what is below a warning is shown only on request', () => {
  expect(readableLog(info, false)).toBeUndefined()
  expect(readableLog(info, true)).toBe('info: connected')
})

test('what is not a log line is shown as it is', () => {
  expect(readableLog('Segmentation fault', false)).toBe('Segmentation fault')
  expect(readableLog('{not json', false)).toBe('{not json')
})

test('a line of the access log is shown: somebody has turned it on', () => {
  const line = '{"level":30,"time":1,"direction":"outbound","status":200,"msg":"exchange"}'
  expect(readableLog(line, false)).toBe('info: exchange (direction=outbound status=200)')
})
