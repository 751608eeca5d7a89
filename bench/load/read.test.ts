import { describe, expect, it } from 'vitest'
import { readH2load, readWrk } from './read.ts'

/** As h2load 1.52 writes it. */
const summary = (requests: string, finished = '1.00s') => `starting benchmark...
Application protocol: h2c
Stopped all clients for thread #0

finished in ${finished}, 54076.00 req/s, 3.71MB/s
requests: ${requests}
status codes: 4 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 3.71MB (3893668) total, 2.48MB (2595648) headers (space savings 51.02%), 316.85KB (324456) data
`

describe('what wrk printed', () => {
  it('is the last line, whatever stands before it', () => {
    const line = '{"requests":10,"durationUs":1000000,"p50Us":90,"p99Us":200,"failed":1}'
    expect(readWrk(`Running 1s test @ http://127.0.0.1:1/\n  1 threads\n\n${line}\n`)).toEqual({
      requests: 10,
      durationUs: 1_000_000,
      p50Us: 90,
      p99Us: 200,
      failed: 1,
    })
  })

  it('is refused with its words where the line is missing', () => {
    expect(() => readWrk('unable to connect to 127.0.0.1:1\n')).toThrow('its last line is "unable to connect')
    expect(() => readWrk('')).toThrow('Cannot read what wrk printed')
  })
})

describe('what h2load printed', () => {
  it('gives counts and time from its summary, and percentiles from its log', () => {
    const log = `${Array.from({ length: 100 }, (_, i) => `1795185606960766\t200\t${100 - i}`).join('\n')}\n`
    const counts = '100 total, 164 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout'
    expect(readH2load(summary(counts), log)).toEqual({
      requests: 100,
      durationUs: 1_000_000,
      p50Us: 50,
      p99Us: 99,
      failed: 0,
    })
  })

  it('counts an answer from 400 on, and a request without one, as failed', () => {
    const log = '1\t200\t7\n2\t503\t9\n3\t-1\t4\n'
    const counts = '3 total, 3 started, 3 done, 2 succeeded, 1 failed, 1 errored, 0 timeout'
    expect(readH2load(summary(counts), log)).toMatchObject({ requests: 1, failed: 2 })
  })

  it('takes an answer without a reason phrase for one, of which h2load says that it failed', () => {
    const counts = '2 total, 2 started, 2 done, 1 succeeded, 1 failed, 0 errored, 0 timeout'
    expect(readH2load(summary(counts), '1\t200\t7\n2\t0\t9\n')).toMatchObject({ requests: 2, failed: 0 })
  })

  it.each([
    ['250.50ms', 250_500],
    ['900us', 900],
    ['2.01s', 2_010_000],
  ])('reads %s', (finished, us) => {
    const counts = '0 total, 0 started, 0 done, 0 succeeded, 0 failed, 0 errored, 0 timeout'
    expect(readH2load(summary(counts, finished), '')).toEqual({
      requests: 0,
      durationUs: us,
      p50Us: 0,
      p99Us: 0,
      failed: 0,
    })
  })

  it('is refused with its words where it is no summary', () => {
    expect(() => readH2load('Could not resolve host', '')).toThrow('Could not resolve host')
  })
})
