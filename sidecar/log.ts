import { type Logger, pino } from 'pino'
import type { LogLevel } from './config.ts'

export type Log = Logger

/** JSON lines on stderr: stdout belongs to the ready line. */
export function createLog(level: LogLevel, workload: string): Log {
  return pino({ level, base: { program: 'sidecar', workload } }, pino.destination({ fd: 2, sync: true }))
}

/** Access-log lines are many: they are gathered, and written at the latest after a second. */
export function createAccessLog(workload: string): { readonly log: Log; close(): void } {
  const destination = pino.destination({ fd: 2, sync: false, minLength: 4096 })
  const timer = setInterval(() => destination.flush(), 1_000)
  timer.unref()
  return {
    log: pino({ base: { program: 'sidecar', workload } }, destination),
    close: () => {
      clearInterval(timer)
      destination.flushSync()
    },
  }
}
