import { TYPE } from './tags.ts'

/** RFC 5280, 4.1.2.5: always with seconds, always Z, never a fraction. */
const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
/** RFC 5280, 4.1.2.5: through 2049 UTCTime, from 2050 on GeneralizedTime. */
const GENERALIZED_FROM = Date.UTC(2050, 0, 1)

/** Unix milliseconds of a certificate's time, or `undefined` when the text is not one. */
export function parseTimeMs(type: number, text: string): number | undefined {
  const match = (type === TYPE.utcTime ? UTC_TIME : GENERALIZED_TIME).exec(text)
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number)
  const fullYear = type === TYPE.utcTime ? year + (year >= 50 ? 1900 : 2000) : year
  // setUTCFullYear, because Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0)
  date.setUTCFullYear(fullYear, month - 1, day)
  date.setUTCHours(hour, minute, second)
  // A 31st of February would have rolled over into March.
  const same = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour
  return same && minute < 60 && second < 60 ? date.getTime() : undefined
}

/** The type and text that RFC 5280 asks for; milliseconds are cut off. */
export function formatTime(ms: number): { readonly type: number; readonly text: string } {
  const digits = `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`
  return ms < GENERALIZED_FROM
    ? { type: TYPE.utcTime, text: digits.slice(2) }
    : { type: TYPE.generalizedTime, text: digits }
}
