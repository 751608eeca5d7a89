import type { Clock } from './clock.ts'

/** Lines of one kind at once, and from then on. What knocks at a port must not be able to fill a disk. */
const BURST = 20
const LINE_EVERY_MS = 3_000
/** Kinds are OpenSSL's words and ours, a hundred or so; what is beyond shares one. */
const KINDS_MAX = 256

interface Kind {
  lines: number
  atMs: number
  left: number
}

/** Says who was refused, and why: every time while it is rare, now and then when it is not. */
export type RefusalLog = (kind: string, fields: Readonly<Record<string, string>>, message: string) => void

export function refusalLog(
  log: { warn(fields: object, message: string): void },
  clock: Pick<Clock, 'nowMs'>,
): RefusalLog {
  const kinds = new Map<string, Kind>()
  const kindOf = (name: string): Kind => {
    const found = kinds.get(name) ?? (kinds.size < KINDS_MAX ? undefined : kinds.get(''))
    if (found !== undefined) return found
    const fresh = { lines: BURST, atMs: clock.nowMs(), left: 0 }
    kinds.set(kinds.size < KINDS_MAX - 1 ? name : '', fresh)
    return fresh
  }
  return (name, fields, message) => {
    const kind = kindOf(name)
    const now = clock.nowMs()
    kind.lines = Math.min(BURST, kind.lines + (now - kind.atMs) / LINE_EVERY_MS)
    kind.atMs = now
    if (kind.lines < 1) {
      kind.left++
      return
    }
    kind.lines--
    log.warn(kind.left === 0 ? fields : { ...fields, leftOut: kind.left }, message)
    kind.left = 0
  }
}
