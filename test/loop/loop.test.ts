import { expect, it } from 'vitest'
import { figures, times } from './loop.ts'

it('a loop is short within npm test', () => {
  expect(times(3, 1_000)).toBe(3)
})

it('figures of one test add up', context => {
  figures(context, { requests: 1 })
  figures(context, { failed: 0 })
  expect(context.task.meta.figures).toEqual({ requests: 1, failed: 0 })
})
