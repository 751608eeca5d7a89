import { describe, expect, test } from 'vitest'
import { CertificateAlarm, certificateState } from './certificate-alarm.ts'

const failing = { kind: 'failing', why: 'the control plane is away', sinceMs: 0, nextMs: 0 } as const

describe('[FAULT-2] a certificate', () => {
  test('is fresh until its renewal is late', () => {
    const waiting = { kind: 'waiting', nextMs: 50_000 } as const
    expect(certificateState(waiting, 100_000, 0).kind).toBe('fresh')
    expect(certificateState(waiting, 100_000, 55_000).kind).toBe('fresh')
    expect(certificateState(waiting, 100_000, 55_001)).toEqual({ kind: 'overdue', why: 'its renewal has not begun' })
  })

  test('is overdue as soon as its renewal has failed, and has ended from its end on', () => {
    expect(certificateState(failing, 100_000, 99_999)).toEqual({ kind: 'overdue', why: failing.why })
    expect(certificateState(failing, 100_000, 100_000)).toEqual({ kind: 'ended', why: failing.why })
  })

  test('raises an alarm once for each change', () => {
    const lines: string[] = []
    const line = (level: string) => (_fields: object, message: string) => void lines.push(`${level} ${message}`)
    const alarm = new CertificateAlarm({ info: line('info'), warn: line('warn'), error: line('error') })
    for (const kind of ['fresh', 'fresh', 'overdue', 'overdue', 'ended', 'ended', 'fresh'] as const) {
      alarm.look(kind === 'fresh' ? { kind } : { kind, why: 'x' }, 0)
    }
    expect(lines).toEqual([
      expect.stringMatching(/^warn Cannot renew the certificate/),
      expect.stringMatching(/^error Cannot use the certificate: it has ended/),
      'info The certificate has been renewed',
    ])
  })
})
