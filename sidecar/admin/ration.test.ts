import { describe, expect, test } from 'vitest'
import { ration } from './ration.ts'

function rationed(costMs: number, waitMs = 0) {
  const state = { nowMs: 0, made: 0, fails: false }
  const page = ration(
    async () => {
      await Promise.resolve()
      state.nowMs += waitMs
    },
    async () => {
      const n = ++state.made
      await Promise.resolve()
      state.nowMs += costMs
      if (state.fails) throw new Error('no page')
      return `page ${n}`
    },
    () => state.nowMs,
  )
  return { state, page }
}

describe('a page', () => {
  test('is made once for all who ask meanwhile', async () => {
    const { page } = rationed(10)
    expect(await Promise.all([page(), page(), page()])).toEqual(['page 1', 'page 1', 'page 1'])
  })

  test('that is cheap is made anew each time', async () => {
    const { page } = rationed(50)
    expect([await page(), await page()]).toEqual(['page 1', 'page 2'])
  })

  test('that is dear is shown again for nine times as long as it took', async () => {
    const { page, state } = rationed(200)
    expect(await page()).toBe('page 1')
    state.nowMs += 1_799
    expect(await page()).toBe('page 1')
    state.nowMs += 1
    expect(await page()).toBe('page 2')
  })

  test('that is cheap is made anew each time, however long it took to ask others', async () => {
    const { page } = rationed(50, 2_000)
    expect([await page(), await page()]).toEqual(['page 1', 'page 2'])
  })

  test('that could not be made is tried again at once', async () => {
    const { page, state } = rationed(200)
    state.fails = true
    await expect(Promise.all([page(), page()])).rejects.toThrow('no page')
    state.fails = false
    expect(await page()).toBe('page 2')
  })
})
