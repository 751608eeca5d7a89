import { type Logger, pino } from 'pino'
import type { LogLevel } from '../common/settings/mod.ts'

export type Log = Logger

export interface AccessLog {
  readonly log: Log
  /** Whole lines that have been made elsewhere. */
  write(lines: string): void
  close(): void
}

/** stdout belongs to the ready line. */
const STDERR = 2

/** How a worker's lines get to the main thread, which alone writes: lines of several threads would run into each other. */
export interface Handed {
  readonly worker: number
  hand(kind: 'log' | 'access', lines: string): void
}

/** What an access log gathers before it is written, and for how long. */
const ACCESS_LOG_BYTES = 4_096
const ACCESS_LOG_MS = 1_000

/** JSON lines, on stderr where nothing else is said. */
export function createLog(level: LogLevel, workload: string, fd: number = STDERR): Log {
  return pino({ level, base: { program: 'sidecar', workload } }, pino.destination({ fd, sync: true }))
}

/** Access-log lines are many: they are gathered, and written at the latest after a second. */
export function createAccessLog(workload: string, fd: number = STDERR): AccessLog {
  const destination = pino.destination({ fd, sync: false, minLength: ACCESS_LOG_BYTES })
  const timer = setInterval(() => destination.flush(), ACCESS_LOG_MS)
  timer.unref()
  return {
    log: pino({ base: { program: 'sidecar', workload } }, destination),
    write: lines => destination.write(lines),
    close: () => {
      clearInterval(timer)
      destination.flushSync()
    },
  }
}

/** Writes the lines that workers have made, whole. */
export function lineWriter(fd: number = STDERR): (lines: string) => void {
  const destination = pino.destination({ fd, sync: true })
  return lines => destination.write(lines)
}

/** In a worker: as `createLog`, line by line. */
export function handedLog(level: LogLevel, workload: string, { worker, hand }: Handed): Log {
  return pino({ level, base: { program: 'sidecar', workload, worker } }, { write: line => hand('log', line) })
}

/** In a worker: as `createAccessLog`, many lines at once. */
export function handedAccessLog(workload: string, { worker, hand }: Handed): Omit<AccessLog, 'write'> {
  let lines = ''
  const flush = (): void => {
    if (lines !== '') hand('access', lines)
    lines = ''
  }
  const destination = {
    write: (line: string) => {
      lines += line
      if (lines.length >= ACCESS_LOG_BYTES) flush()
    },
  }
  const timer = setInterval(flush, ACCESS_LOG_MS)
  return {
    log: pino({ base: { program: 'sidecar', workload, worker } }, destination),
    close: () => {
      clearInterval(timer)
      flush()
    },
  }
}
