import { describe, expect, it } from 'vitest'
import { medianOf, type Row, ratiosOf, reportOf, type Sample } from './summary.ts'

const row = (proxy: string, connections: number, figure: number): Row => ({
  case: 'h1',
  proxy,
  connections,
  rps: figure * 100,
  p50Us: figure,
  p99Us: figure,
  cpuUsPerRequest: figure,
  rssMb: figure,
})

const sample = (proxy: string, connections: number, figure: number): Sample => ({
  row: row(proxy, connections, figure),
  userUsPerRequest: figure / 4,
  systemUsPerRequest: figure / 2,
})

describe('the median of some rounds', () => {
  it('is the middle of an odd number, whatever their order', () => {
    expect(medianOf([sample('a', 1, 9), sample('a', 1, 1), sample('a', 1, 3)])).toEqual(sample('a', 1, 3))
  })

  it('is the mean of the two in the middle of an even number', () => {
    const rounds = [sample('a', 1, 9), sample('a', 1, 1), sample('a', 1, 3), sample('a', 1, 4)]
    expect(medianOf(rounds)).toEqual(sample('a', 1, 3.5))
  })

  it('is a single round as it is, and nothing of none', () => {
    expect(medianOf([sample('a', 1, 9)])).toEqual(sample('a', 1, 9))
    expect(() => medianOf([])).toThrow('there is no round')
  })
})

describe('the ratios of a row of ours', () => {
  it('are to each peer of the same case at the same connections', () => {
    const ours = row('selvedge', 1, 3)
    const otherCase: Row = { ...row('envoy', 1, 2), case: 'mtls' }
    const ratios = ratiosOf(ours, [ours, row('nginx', 1, 2), row('haproxy', 1, 4), row('nginx', 8, 1), otherCase])
    expect(ratios).toEqual({
      nginx: { rps: 1.5, p50: 1.5, p99: 1.5, cpuUsPerRequest: 1.5, rss: 1.5 },
      haproxy: { rps: 0.75, p50: 0.75, p99: 0.75, cpuUsPerRequest: 0.75, rss: 0.75 },
    })
  })

  it('are 0 to nothing, and none without a peer', () => {
    const ours = row('selvedge', 1, 2)
    expect(ratiosOf(ours, [ours, row('nginx', 1, 0)]).nginx?.p99).toBe(0)
    expect(ratiosOf(ours, [ours])).toEqual({})
  })
})

describe('the JSON form', () => {
  const samples = [sample('selvedge', 32, 3), sample('haproxy', 32, 2)]

  it('has the named members in each row, and ratios in ours alone', () => {
    const [ours, theirs] = JSON.parse(JSON.stringify(reportOf(samples))).cases as object[]
    const named = ['case', 'proxy', 'connections', 'rps', 'p50Us', 'p99Us', 'cpuUsPerRequest', 'rssMb']
    expect(Object.keys(theirs ?? {})).toEqual(named)
    expect(Object.keys(ours ?? {})).toEqual([...named, 'ratios'])
    expect(ours).toMatchObject({ ratios: { haproxy: { cpuUsPerRequest: 1.5 } } })
  })

  it('tells user from system time beside the rows', () => {
    expect(reportOf(samples).split[1]).toEqual({
      case: 'h1',
      proxy: 'haproxy',
      connections: 32,
      userUsPerRequest: 0.5,
      systemUsPerRequest: 1,
    })
  })

  it('holds no proxy that was not measured', () => {
    expect(reportOf([sample('haproxy', 32, 2)]).cases.map(one => one.proxy)).toEqual(['haproxy'])
    expect(reportOf([])).toEqual({ cases: [], split: [] })
  })
})
