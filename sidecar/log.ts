import { type Logger, pino } from 'pino'
import type { LogLevel } from '../common/settings/mod.ts'

export type Log = Logger

export interface AccessLog {
  readonly log: Log
  close(): void
}

/** stdout belongs to the ready line. */
const STDERR = 2

/** JSON lines, on stderr where nothing else is said. */
export function createLog(level: LogLevel, workload: string, fd: number = STDERR): Log {
  return pino({ level, base: { program: 'sidecar', workload } }, pino.destination({ fd, sync: true }))
}

/** Access-log lines are many: they are gathered, and written at the latest after a second. */
export function createAccessLog(workload: string, fd: number = STDERR): AccessLog {
  const destination = pino.destination({ fd, sync: false, minLength: 4096 })
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
