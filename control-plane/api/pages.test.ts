import { beforeEach, describe, expect, test } from 'vitest'
import { Pages } from './pages.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('a list in pages', () => {
  let nowMs: number
  let pages: Pages<number>
  beforeEach(() => {
    nowMs = 0
    pages = new Pages({ nowMs: () => nowMs, wallMs: () => nowMs })
  })
  const list = (count: number) => ({ revision: 7, items: numbers(count) })

  test('tells each item once, and what remains, at one revision', () => {
    let page = pages.first('q', list(25), 10)
    const seen = [...page.items]
    expect(page).toMatchObject({ revision: 7, remaining: 15 })
    while (page.next !== undefined) {
      const next = pages.next('q', page.next, 10)
      if (!next.ok) throw new Error(next.error.message)
      page = next.value
      expect(page.revision).toBe(7)
      seen.push(...page.items)
    }
    expect(seen).toEqual(numbers(25))
    expect(page.remaining).toBe(0)
  })

  test('is whole without a limit, and where it is no longer than one', () => {
    expect(pages.first('q', list(25), 0)).toMatchObject({ next: undefined, remaining: 0 })
    expect(pages.first('q', list(10), 10).next).toBeUndefined()
    expect(pages.first('q', list(0), 10)).toMatchObject({ items: [], next: undefined })
  })

  test('may be asked for the same page twice, and with another limit', () => {
    const { next = '' } = pages.first('q', list(25), 10)
    expect(pages.next('q', next, 10)).toEqual(pages.next('q', next, 10))
    expect(pages.next('q', next, 0)).toMatchObject({ value: { items: numbers(25).slice(10), next: undefined } })
  })

  test('is let go after five minutes: 410', () => {
    const { next = '' } = pages.first('q', list(25), 10)
    nowMs = 5 * 60_000 - 1
    expect(pages.next('q', next, 10).ok).toBe(true)
    nowMs++
    expect(pages.next('q', next, 10)).toMatchObject({ error: { code: 410 } })
  })

  test('is let go when too many others were begun after it: 410', () => {
    const { next = '' } = pages.first('q', list(25), 10)
    const others = numbers(31).map(() => pages.first('q', list(25), 10).next ?? '')
    expect(pages.next('q', next, 10).ok).toBe(true)
    pages.first('q', list(25), 10)
    expect(pages.next('q', next, 10)).toMatchObject({ error: { code: 410 } })
    expect(pages.next('q', others[0] ?? '', 10).ok).toBe(true)
    // A list of any length is kept while it is the newest, at the cost of all others.
    const huge = pages.first('q', list(300_000), 10).next ?? ''
    expect(pages.next('q', others[0] ?? '', 10)).toMatchObject({ error: { code: 410 } })
    expect(pages.next('q', huge, 10).ok).toBe(true)
  })

  test('is continued with the question that it began with: 400 otherwise', () => {
    const { next = '' } = pages.first('q', list(25), 10)
    expect(pages.next('other', next, 10)).toMatchObject({ error: { code: 400 } })
    for (const token of ['', 'x', '7.7', `${next}x`]) {
      expect(pages.next('q', token, 10), token).toMatchObject({ error: { code: 400 } })
    }
  })
})
