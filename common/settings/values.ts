import { isIP } from 'node:net'
import { err, ok, parseDurationMs, type Result } from '../mod.ts'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export function parseLogLevel(text: string): Result<LogLevel, string> {
  const level = LOG_LEVELS.find(known => known === text)
  return level === undefined ? err(`"${text}" is not a level: use one of ${LOG_LEVELS.join(', ')}`) : ok(level)
}

/** A port to listen on: 0, which asks for a free one, to 65535. */
export function parseListenPort(text: string): Result<number, string> {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN
  return port <= 65_535 ? ok(port) : err(`"${text}" is not a port: use a whole number from 0 to 65535`)
}

/** An address to listen on. */
export function parseAddress(text: string): Result<string, string> {
  return isIP(text) !== 0 || text === 'localhost' ? ok(text) : err(`"${text}" is not an IP address`)
}

/** A duration within bounds, in milliseconds. */
export function parseDurationWithin(text: string, minMs: number, maxMs: number): Result<number, string> {
  const parsed = parseDurationMs(text)
  if (!parsed.ok || (parsed.value >= minMs && parsed.value <= maxMs)) return parsed
  return err(`${text} is out of bounds: use at least ${minMs} ms and at most ${maxMs} ms`)
}

export function parseSwitch(text: string): Result<boolean, string> {
  if (['on', 'true', '1'].includes(text)) return ok(true)
  return ['off', 'false', '0'].includes(text) ? ok(false) : err(`"${text}" is neither on nor off`)
}
