import { describe, expect, test } from 'vitest'
import { parseFieldSelector, parseLabelSelector } from './selectors.ts'

const labelled = (labels: Record<string, string>) => ({ metadata: { name: 'a', namespace: 'n', labels } })
const matches = (text: string, labels: Record<string, string>): boolean => {
  const selector = parseLabelSelector(text)
  if (!selector.ok) throw new Error(selector.error.message)
  return selector.value(labelled(labels))
}

describe('a label selector', () => {
  const web = { app: 'web', 'example.com/tier': 'front' }
  test.each([
    ['', web, true],
    ['app=web', web, true],
    ['app==web', web, true],
    ['app = web , example.com/tier = front', web, true],
    ['app=api', web, false],
    ['app=web,example.com/tier=back', web, false],
    ['app!=api', web, true],
    ['app!=web', web, false],
    ['zone!=a', web, true],
    ['app in (api, web)', web, true],
    ['app in (api)', web, false],
    ['zone in ()', web, false],
    ['app notin (api,db)', web, true],
    ['app notin (web)', web, false],
    ['zone notin (a)', web, true],
    ['app', web, true],
    ['zone', web, false],
    ['!zone', web, true],
    ['!app', web, false],
    ['app in (web,api),!zone,example.com/tier!=back', web, true],
    ['app=', { app: '' }, true],
    ['toString', {}, false],
    ['constructor!=x', {}, true],
  ])('%j of %j: %j', (text, labels, expected) => {
    expect(matches(text, labels as Record<string, string>)).toBe(expected)
  })

  test.each(['=', 'a=b=c', 'a in b', 'a in (b', 'a,,b', '!', 'a b', 'a in (b c)', '-a=b', `${'a'.repeat(5000)}=b`])(
    '%j is refused in words',
    text => {
      const selector = parseLabelSelector(text)
      expect(selector.ok ? '' : selector.error.message).toMatch(/^Cannot use labelSelector=/)
      expect(selector).toMatchObject({ error: { code: 400 } })
    },
  )

  test('more requirements than anybody writes are refused', () => {
    expect(parseLabelSelector(Array(65).fill('a').join(',')).ok).toBe(false)
    expect(parseLabelSelector(Array(64).fill('a').join(',')).ok).toBe(true)
  })
})

describe('a field selector', () => {
  test.each([
    ['metadata.name=a', true],
    ['metadata.name==a,metadata.namespace=n', true],
    ['metadata.name!=a', false],
    ['metadata.namespace!=other', true],
    ['', true],
  ])('%j: %j', (text, expected) => {
    const selector = parseFieldSelector(text)
    expect(selector.ok && selector.value(labelled({}))).toBe(expected)
  })

  test.each(['spec.port=1', 'metadata.name', 'metadata.name=a,'])('%j is refused in words', text => {
    const selector = parseFieldSelector(text)
    expect(selector.ok ? '' : selector.error.message).toContain('metadata.name or metadata.namespace')
  })
})
