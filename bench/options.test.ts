import { describe, expect, it } from 'vitest'
import { parseOptions } from './options.ts'

describe('bench options', () => {
  it('measures everything when nothing is said', () => {
    expect(parseOptions([])).toEqual({
      cases: ['h1', 'mtls', 'h2c', 'tcp', 'bulk', 'handshake', 'latency'],
      connections: undefined,
      seconds: 1,
      rounds: 3,
      peers: [],
      output: 'table',
    })
  })

  it('takes what is said', () => {
    const args = [
      '--only',
      'mtls',
      '--connections',
      '32,128',
      '--seconds',
      '5',
      '--rounds',
      '3',
      '--peers',
      'a,b',
      '-o',
      'json',
    ]
    expect(parseOptions(args)).toEqual({
      cases: ['mtls'],
      connections: [32, 128],
      seconds: 5,
      rounds: 3,
      peers: ['a', 'b'],
      output: 'json',
    })
  })

  it.each([
    ['--only', 'h3'],
    ['--only', 'h1,h3'],
    ['--only', ''],
    ['--connections', '0'],
    ['--connections', '8,'],
    ['--connections', '1025'],
    ['--seconds', '1.5'],
    ['--seconds', '601'],
    ['--rounds', '0'],
    ['--output', 'xml'],
    ['--unknown', '1'],
  ])('refuses %s %s in one sentence', (flag, value) => {
    const parsed = parseOptions([flag, value])
    expect(typeof parsed === 'object' && 'fault' in parsed && parsed.fault).toContain(flag === '--output' ? '-o' : flag)
  })

  it('takes several cases, in the order of the bench', () => {
    expect(parseOptions(['--only', 'tcp,h1'])).toMatchObject({ cases: ['h1', 'tcp'] })
  })

  it('asks for help before all else', () => {
    expect(parseOptions(['--help', '--only', 'h3'])).toBe('help')
  })
})
