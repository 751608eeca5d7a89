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

const BYTE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** A number of bytes with its unit, as `256MiB` or `1.5GB`, within bounds. */
export function parseBytesWithin(text: string, min: number, max: number): Result<number, string> {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,3})?)([a-zA-Z]{1,3})$/.exec(text)
  const unit = BYTE_UNITS[match?.[2] ?? '']
  if (match === null || unit === undefined) {
    return err(`"${text}" is not a number of bytes: use one of ${Object.keys(BYTE_UNITS).join(', ')}, as in 256MiB`)
  }
  const bytes = Math.floor(Number(match[1]) * unit)
  if (bytes >= min && bytes <= max) return ok(bytes)
  return err(`${text} is out of bounds: use at least ${min} and at most ${max} bytes`)
}

/** A whole number within bounds. */
export function parseCountWithin(text: string, min: number, max: number): Result<number, string> {
  const count = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
  return count >= min && count <= max ? ok(count) : err(`"${text}" is not a whole number from ${min} to ${max}`)
}
