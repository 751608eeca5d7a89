import { err, ok, type Result } from '../../common/mod.ts'
import type { Refusal } from './status.ts'

/** Refuses parameters that a call does not know: an answer that ignores what was asked is worse than none. */
export function checkQuery(query: URLSearchParams, known: readonly string[]): Result<void, Refusal> {
  for (const name of query.keys()) {
    if (known.includes(name)) {
      if (query.getAll(name).length === 1) continue
      return err({ code: 400, message: `Cannot use the parameter ${name} more than once: say which is meant.` })
    }
    const may = known.length === 0 ? 'this call takes none' : `known are ${known.join(', ')}`
    return err({ code: 400, message: `Cannot use the parameter ${name.slice(0, 100)}: it is unknown here; ${may}.` })
  }
  return ok(undefined)
}

/** A whole number from `min` to `max`, or `fallback` where the parameter is not given. */
export function wholeNumber(
  query: URLSearchParams,
  name: string,
  bounds: { readonly min: number; readonly max: number; readonly fallback: number },
): Result<number, Refusal> {
  const text = query.get(name)
  if (text === null) return ok(bounds.fallback)
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= bounds.min && value <= bounds.max) return ok(value)
  const message = `Cannot use ${name}=${text.slice(0, 50)}: it must be a whole number from ${bounds.min} to ${bounds.max}.`
  return err({ code: 400, message })
}

/** `true` or `false`; the latter where the parameter is not given. */
export function yesOrNo(query: URLSearchParams, name: string): Result<boolean, Refusal> {
  const text = query.get(name) ?? 'false'
  if (text === 'true' || text === 'false') return ok(text === 'true')
  return err({ code: 400, message: `Cannot use ${name}=${text.slice(0, 50)}: it must be true or false.` })
}

/** What `kubectl` says beside: who writes, and that unknown fields be refused, which they always are. */
export const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation', 'pretty'] as const

/** `dryRun=All`, as the Kubernetes API spells it: everything is checked, nothing is written. */
export function dryRunOf(query: URLSearchParams): Result<boolean, Refusal> {
  const text = query.get('dryRun')
  if (text === null || text === 'All') return ok(text === 'All')
  return err({ code: 400, message: `Cannot use dryRun=${text.slice(0, 50)}: it must be All.` })
}
