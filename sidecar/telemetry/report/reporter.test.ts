import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { workloadKey } from '../../../common/mod.ts'
import type { TelemetryReport } from '../../../model/telemetry/mod.ts'
import { createReporter } from './reporter.ts'

describe('reporting telemetry', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  function reporter() {
    const links: { writable: boolean; sent: TelemetryReport[]; closed: boolean; ended: (why: string) => void }[] = []
    const renewals = new Set<() => void>()
    const counted = { reports: 0, taken: 0 }
    const made = createReporter({
      open(ended) {
        const link = { writable: false, sent: [] as TelemetryReport[], closed: false, ended }
        links.push(link)
        return {
          writable: () => link.writable,
          send: report => link.sent.push(report),
          async close() {
            link.closed = true
          },
        }
      },
      identity: {
        onChange(listener) {
          const tell = () => listener({} as never)
          renewals.add(tell)
          return () => renewals.delete(tell)
        },
      },
      take() {
        counted.taken++
        if (counted.reports === 0) return undefined
        counted.reports--
        return { workload: workloadKey('ns', 'w'), edges: [], spans: [] }
      },
      random: () => 0,
      log: () => {},
    })
    vi.advanceTimersByTime(0)
    const link = () => {
      const last = links.at(-1)
      if (last === undefined) throw new Error('no link was opened')
      return last
    }
    return { made, links, link, counted, renewals }
  }

  it('sends once a second what was counted, and nothing when that is nothing', () => {
    const { link, counted } = reporter()
    link().writable = true
    counted.reports = 2
    vi.advanceTimersByTime(1_000)
    expect(link().sent.length).toBe(1)
    vi.advanceTimersByTime(3_000)
    expect(link().sent.length).toBe(2)
    expect(counted.taken).toBe(4)
  })

  it('takes nothing while the stream cannot carry it', () => {
    const { link, counted } = reporter()
    counted.reports = 1
    vi.advanceTimersByTime(5_000)
    expect(counted.taken).toBe(0)
    link().writable = true
    vi.advanceTimersByTime(1_000)
    expect(link().sent.length).toBe(1)
  })

  it('connects again after a failure, ever less often, at most every eight seconds', () => {
    const { links, link } = reporter()
    const openedAt: number[] = []
    for (let second = 1; second <= 40; second++) {
      const count = links.length
      link().ended('refused')
      vi.advanceTimersByTime(1_000)
      if (links.length > count) openedAt.push(second)
    }
    expect(openedAt).toEqual([1, 3, 7, 15, 23, 31, 39])
  })

  it('moves to a new stream when the certificate is renewed', () => {
    const { links, renewals } = reporter()
    for (const renew of renewals) renew()
    expect(links[0]?.closed).toBe(true)
    vi.advanceTimersByTime(1_000)
    expect(links.length).toBe(2)
  })

  it('sends a last report when it is closed', async () => {
    const { made, link, counted } = reporter()
    link().writable = true
    counted.reports = 1
    await made.close()
    expect(link()).toMatchObject({ sent: [{ workload: 'ns/w' }], closed: true })
    vi.advanceTimersByTime(5_000)
    expect(counted.taken).toBe(1)
  })
})
