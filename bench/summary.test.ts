import { describe, expect, it } from 'vitest'
import { medianRow, type Row, ratiosOf } from './summary.ts'

const row = (proxy: string, connections: number, figure: number): Row => ({
  case: 'h1',
  proxy,
  connections,
  rps: figure * 100,
  p50Us: figure,
  p99Us: figure,
  cpuUsPerRequest: figure,
  userUsPerRequest: figure,
  rssMb: figure,
})

describe('bench summary', () => {
  it('takes the middle of an odd number of rounds, whatever their order', () => {
    expect(medianRow([row('a', 1, 9), row('a', 1, 1), row('a', 1, 3)])).toEqual(row('a', 1, 3))
  })

  it('takes the mean of the two in the middle of an even number', () => {
    expect(medianRow([row('a', 1, 9), row('a', 1, 1), row('a', 1, 3), row('a', 1, 4)])).toEqual(row('a', 1, 3.5))
  })

  it('leaves a single round as it is, and refuses none', () => {
    expect(medianRow([row('a', 1, 9)])).toEqual(row('a', 1, 9))
    expect(() => medianRow([])).toThrow('there is no round')
  })

  it('holds ours against each peer at the same connections', () => {
    const rows = [row('selvedge', 1, 3), row('nginx', 1, 2), row('haproxy', 1, 4), row('nginx', 8, 1)]
    const ratios = ratiosOf(rows, 'selvedge')
    expect(ratios.map(one => [one.peer, one.connections, one.cpuUsPerRequest, one.rps])).toEqual([
      ['nginx', 1, 1.5, 1.5],
      ['haproxy', 1, 0.75, 0.75],
    ])
  })

  it('has no ratio where ours did not run, and none to nothing', () => {
    expect(ratiosOf([row('nginx', 1, 2)], 'selvedge')).toEqual([])
    expect(ratiosOf([row('selvedge', 1, 2), row('nginx', 1, 0)], 'selvedge')[0]?.p99).toBe(0)
  })
})
