import type { Fault } from './problem.ts'

/** No kind nests deeper than a dozen levels; recursion elsewhere may rely on this bound. */
const DEPTH_MAX = 64

/**
 * What no kind can hold, found before any schema looks: too deep a nesting, a name that JavaScript gives a meaning of its own,
 * a value that JSON does not have. `undefined`: nothing of that kind.
 */
export function structureFault(value: unknown, path: readonly PropertyKey[] = []): Fault | undefined {
  if (path.length > DEPTH_MAX) return { path: path.slice(0, 4), message: `is nested deeper than ${DEPTH_MAX} levels` }
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || value === undefined) return undefined
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { path, message: `is ${value}, which is not a number that JSON has` }
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = structureFault(value[index], [...path, index])
      if (fault !== undefined) return fault
    }
    return undefined
  }
  if (typeof value !== 'object') return { path, message: `is a ${typeof value}, which JSON does not have` }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return { path, message: 'is not a plain value' }
  for (const [key, inner] of Object.entries(value)) {
    if (key === '__proto__') return { path: [...path, key], message: 'is not a name that a field can have' }
    const fault = structureFault(inner, [...path, key])
    if (fault !== undefined) return fault
  }
  return undefined
}
