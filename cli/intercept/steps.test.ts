import { describe, expect, test } from 'vitest'
import { hasIpv6, type Machine, type ToolEnd } from './backend.ts'
import { REDIRECT_DEFAULTS } from './options.ts'
import { dryRun, install, remove, show } from './steps.ts'

const DONE: ToolEnd = { status: 0, stdout: '', stderr: '' }
const ABSENT: ToolEnd = { status: 1, stdout: '', stderr: 'Error: No such file or directory' }
const NOT_ALLOWED: ToolEnd = { status: 1, stdout: '', stderr: 'Operation not permitted (you must be root)' }

/** A machine whose tools answer as they are told, and that remembers what they were asked. */
function machineWith(
  tools: Readonly<Record<string, (args: readonly string[], input: string) => ToolEnd>>,
  ipv6 = true,
) {
  const asked: { tool: string; args: readonly string[]; input: string }[] = []
  const machine: Machine = {
    ipv6,
    run: (tool, args, input = '') => {
      asked.push({ tool, args, input })
      return tools[tool]?.(args, input)
    },
  }
  return {
    machine,
    asked,
    fed: (tool: string) => asked.filter(one => one.tool === tool && one.input !== '').map(one => one.input),
  }
}

/** iptables of one family, with the chains that it was given. */
function iptables(fails = false) {
  const kept = { saved: '' }
  const restore = (_args: readonly string[], input: string): ToolEnd => {
    if (fails && input !== '') return { status: 2, stdout: '', stderr: 'iptables-restore: line 3 failed\nmore' }
    if (input.includes('-X ')) kept.saved = ''
    else if (input !== '')
      kept.saved = input
        .replaceAll(/^-A SELVEDGE/gm, '[3:180] -A SELVEDGE')
        .replaceAll(/^-A (OUTPUT|PREROUTING)/gm, '[9:540] -A $1')
    return DONE
  }
  return {
    kept,
    restore,
    save: (args: readonly string[]): ToolEnd => ({
      ...DONE,
      stdout: args.includes('-c') ? kept.saved : kept.saved.replaceAll(/^\[[0-9:]+\] /gm, ''),
    }),
  }
}

describe('installing', () => {
  test('takes nft where it works: one call that holds everything', () => {
    const { machine, fed, asked } = machineWith({ nft: args => (args.includes('-j') ? ABSENT : DONE) })
    expect(install(REDIRECT_DEFAULTS, 'auto', machine)).toBe('nft')
    expect(fed('nft')).toHaveLength(1)
    expect(asked.filter(({ tool }) => tool.endsWith('restore'))).toEqual([])
  })

  test('takes iptables where there is no nft, each family once, and again without a second jump', () => {
    const [four, six] = [iptables(), iptables()]
    const { machine, fed } = machineWith({
      ...{ 'iptables-restore': four.restore, 'iptables-save': four.save },
      ...{ 'ip6tables-restore': six.restore, 'ip6tables-save': six.save },
    })
    expect(install(REDIRECT_DEFAULTS, 'auto', machine)).toBe('iptables')
    const [first = '', ...more] = fed('iptables-restore')
    expect(more).toEqual([])
    expect(first.match(/-j SELVEDGE_/g)).toHaveLength(2)
    expect(fed('ip6tables-restore')).toHaveLength(1)
    install(REDIRECT_DEFAULTS, 'auto', machine)
    expect(fed('iptables-restore')[1]).not.toContain('-j SELVEDGE_')
  })

  test('leaves IPv6 out where the machine has none', () => {
    const four = iptables()
    const { machine, asked } = machineWith({ 'iptables-restore': four.restore, 'iptables-save': four.save }, false)
    install(REDIRECT_DEFAULTS, 'iptables', machine)
    expect(asked.filter(({ tool }) => tool === 'ip6tables-restore')).toEqual([])
  })

  test('takes IPv4 back when IPv6 fails, and says what failed', () => {
    const [four, six] = [iptables(), iptables(true)]
    const { machine, fed } = machineWith({
      ...{ 'iptables-restore': four.restore, 'iptables-save': four.save },
      ...{ 'ip6tables-restore': six.restore, 'ip6tables-save': six.save },
    })
    expect(() => install(REDIRECT_DEFAULTS, 'iptables', machine)).toThrow(
      'Cannot install redirect rules: ip6tables-restore says: iptables-restore: line 3 failed',
    )
    expect(fed('iptables-restore').at(-1)).toContain('-X SELVEDGE_OUTBOUND')
    expect(four.kept.saved).toBe('')
  })

  test('takes away what the other tool had written', () => {
    const four = iptables()
    const [nft, asked] = [
      machineWith({
        nft: args => (args.includes('-j') ? ABSENT : DONE),
        'iptables-restore': four.restore,
        'iptables-save': four.save,
      }),
      four.kept,
    ]
    install(REDIRECT_DEFAULTS, 'iptables', { ...nft.machine, ipv6: false })
    expect(asked.saved).toContain('SELVEDGE_OUTBOUND')
    install(REDIRECT_DEFAULTS, 'nft', nft.machine)
    expect(asked.saved).toBe('')
  })

  test.each([
    ['there is no tool', 'auto', {}, 'there is neither nft nor iptables: install nftables or iptables'],
    ['nft is asked for and missing', 'nft', {}, 'nft is missing: install nftables'],
    [
      'nft does not work',
      'nft',
      { nft: () => ({ status: 1, stdout: '', stderr: 'Unable to initialize Netlink socket' }) },
      'nft does not work',
    ],
    [
      'one is not root',
      'auto',
      { nft: () => NOT_ALLOWED },
      'not permitted; run it as root, or with the capability NET_ADMIN',
    ],
  ] as const)('ends in one sentence when %s', (_, wish, tools, words) => {
    expect(() => install(REDIRECT_DEFAULTS, wish, machineWith(tools).machine)).toThrow(
      `Cannot install redirect rules: ${words}`,
    )
  })

  test('tries iptables where nft is there and does not work', () => {
    const four = iptables()
    const broken = { nft: () => ({ status: 1, stdout: '', stderr: 'Protocol not supported' }) }
    const { machine } = machineWith({ ...broken, 'iptables-restore': four.restore, 'iptables-save': four.save }, false)
    expect(install(REDIRECT_DEFAULTS, 'auto', machine)).toBe('iptables')
  })
})

describe('removing', () => {
  test('what is not there does nothing, and says so', () => {
    const four = iptables()
    const { machine, fed } = machineWith({
      nft: () => ABSENT,
      'iptables-restore': four.restore,
      'iptables-save': four.save,
    })
    expect(remove(machine)).toBe(false)
    expect([...fed('nft'), ...fed('iptables-restore')]).toEqual([])
  })

  test('takes jumps away as they stand, however often', () => {
    const saved = [
      ...[
        '*nat',
        ':SELVEDGE_OUTBOUND - [0:0]',
        '-A OUTPUT -p tcp -j SELVEDGE_OUTBOUND',
        '-A OUTPUT -j SELVEDGE_OUTBOUND',
      ],
      ...['-A OUTPUT -j OTHERS', 'COMMIT'],
    ].join('\n')
    const { machine, fed } = machineWith({
      'iptables-save': () => ({ ...DONE, stdout: saved }),
      'iptables-restore': () => DONE,
    })
    expect(remove(machine)).toBe(true)
    expect(fed('iptables-restore')[0]?.split('\n')).toEqual([
      ...['*nat', '-D OUTPUT -p tcp -j SELVEDGE_OUTBOUND', '-D OUTPUT -j SELVEDGE_OUTBOUND'],
      ...['-F SELVEDGE_OUTBOUND', '-X SELVEDGE_OUTBOUND', 'COMMIT', ''],
    ])
  })

  test('ends in one sentence for whoever is not root', () => {
    expect(() => remove(machineWith({ nft: () => NOT_ALLOWED }).machine)).toThrow(
      'Cannot remove redirect rules: not permitted',
    )
  })
})

describe('showing', () => {
  test('reads words and counters of iptables', () => {
    const four = iptables()
    const { machine } = machineWith({ 'iptables-restore': four.restore, 'iptables-save': four.save }, false)
    install(REDIRECT_DEFAULTS, 'iptables', machine)
    const { states, half } = show(machine)
    expect(half).toEqual([])
    expect(states[0]?.rules.outbound.at(-1)).toEqual({ words: 'everything else', redirectedTo: 15_001, connections: 3 })
    expect(states[0]?.rules.inbound[0]).toEqual({
      words: 'from this machine itself',
      redirectedTo: undefined,
      connections: 3,
    })
  })

  test('reads words and counters of nft', () => {
    const rule = (chain: string, comment: string, ...expr: object[]) => ({
      rule: { family: 'inet', chain, comment, expr },
    })
    const nftables = [
      { table: { name: 'selvedge' } },
      rule('outbound', 'all but TCP', { return: null }),
      rule('outbound', 'to excluded ports: 25', { counter: { packets: 2, bytes: 120 } }, { return: null }),
      rule('inbound', 'everything else', { counter: { packets: 7, bytes: 420 } }, { redirect: { port: 15_006 } }),
    ]
    const { machine } = machineWith({ nft: () => ({ ...DONE, stdout: JSON.stringify({ nftables }) }) })
    expect(show(machine).states).toEqual([
      {
        backend: 'nft',
        families: [4, 6],
        rules: {
          outbound: [{ words: 'to excluded ports: 25', redirectedTo: undefined, connections: 2 }],
          inbound: [{ words: 'everything else', redirectedTo: 15_006, connections: 7 }],
        },
      },
    ])
  })

  test('tells what is there in part', () => {
    const [four, six] = [iptables(), iptables()]
    const both = machineWith({
      ...{ 'iptables-restore': four.restore, 'iptables-save': four.save },
      ...{ 'ip6tables-restore': six.restore, 'ip6tables-save': six.save },
    })
    install(REDIRECT_DEFAULTS, 'iptables', both.machine)
    six.kept.saved = ''
    expect(show(both.machine).half).toEqual(['IPv6 has no rules'])
    six.kept.saved = ':SELVEDGE_INBOUND - [0:0]'
    expect(show(both.machine).half).toEqual(['the rules of ip6tables are there in part'])
  })
})

test('a dry run asks for nothing but which tool there is', () => {
  const { machine, asked } = machineWith({ nft: () => DONE })
  expect(dryRun(REDIRECT_DEFAULTS, 'auto', machine)).toContain('table inet selvedge {')
  expect(asked).toEqual([{ tool: 'nft', args: ['--version'], input: '' }])
  expect(dryRun(REDIRECT_DEFAULTS, 'iptables', machine)).toContain('# ip6tables-restore --noflush\n*nat\n')
})

test.each([
  ['', false],
  ['00000000000000000000000000000001 01 80 10 80       lo\n', false],
  [
    '00000000000000000000000000000001 01 80 10 80       lo\nfe800000000000000000000000000001 02 40 20 80     eth0\n',
    true,
  ],
  ['fd770000000000000000000000000001 03 40 00 80    hello\n', true],
])('a machine with the IPv6 addresses %j is reached by IPv6: %s', (interfaces, reached) => {
  expect(hasIpv6(interfaces)).toBe(reached)
})
