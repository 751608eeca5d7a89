import { describe, expect, test } from 'vitest'
import { iptablesInstall } from './iptables-text.ts'
import { nftInstall, nftRemove } from './nft-text.ts'
import { REDIRECT_DEFAULTS, type RedirectOptions } from './options.ts'
import { redirectRules } from './rules.ts'

const GOLDEN = '../../test/golden/intercept'

const cases: Readonly<Record<string, RedirectOptions>> = {
  defaults: REDIRECT_DEFAULTS,
  'all-options': {
    outboundPort: 16_001,
    inboundPort: 16_006,
    sidecarUids: [1000, 1337],
    sidecarGids: [1337],
    includeOutboundPorts: [
      { from: 80, to: 80 },
      { from: 8000, to: 8100 },
    ],
    excludeOutboundPorts: [{ from: 3306, to: 3306 }],
    includeInboundPorts: Array.from({ length: 10 }, (_, i) => ({ from: 9000 + i * 10, to: 9005 + i * 10 })),
    excludeInboundPorts: [],
    includeOutboundCidrs: [
      { family: 4, text: '10.0.0.0/8' },
      { family: 6, text: '2001:db8::/32' },
    ],
    excludeOutboundCidrs: [
      { family: 4, text: '169.254.169.254/32' },
      { family: 6, text: 'fd00::/8' },
    ],
  },
  'user-alone': { ...REDIRECT_DEFAULTS, sidecarUids: [0], sidecarGids: [], excludeInboundPorts: [] },
}

describe.each(Object.entries(cases))('the rules of "%s"', (name, options) => {
  const rules = redirectRules(options)

  test('as text for nft', async () => {
    await expect(nftInstall(rules)).toMatchFileSnapshot(`${GOLDEN}/${name}.nft.txt`)
  })

  test.each([4, 6] as const)('as text for iptables, IPv%i', async family => {
    await expect(iptablesInstall(rules, family, '')).toMatchFileSnapshot(`${GOLDEN}/${name}.iptables${family}.txt`)
  })

  test('leave the sidecar alone first, and end with redirects', () => {
    for (const chain of [rules.outbound, rules.inbound]) {
      const first = chain.findIndex(({ verdict }) => verdict.kind === 'redirect')
      expect(first).toBeGreaterThan(0)
      expect(chain.slice(first).every(({ verdict }) => verdict.kind === 'redirect')).toBe(true)
    }
    const own = rules.outbound.findIndex(({ match }) => match.kind !== 'uid' && match.kind !== 'gid')
    expect(own).toBe(options.sidecarUids.length + options.sidecarGids.length)
  })

  test('have words that nft keeps, without quotes', () => {
    for (const { words } of [...rules.outbound, ...rules.inbound]) {
      expect(words).toMatch(/^[^"'\\]{1,120}$/)
    }
  })
})

test('what is installed by nft is one transaction that begins with taking away what was there', () => {
  expect(nftInstall(redirectRules(REDIRECT_DEFAULTS)).startsWith(nftRemove().trimEnd())).toBe(true)
})

test('iptables takes at most fifteen ports in one rule, a range as two', () => {
  const rules = redirectRules(cases['all-options'] as RedirectOptions)
  const lists = [...iptablesInstall(rules, 4, '').matchAll(/--dports (\S+)/g)].map(([, list = '']) => list)
  expect(lists.length).toBeGreaterThan(3)
  for (const list of lists) expect(list.split(/[,:]/).length).toBeLessThanOrEqual(15)
})
