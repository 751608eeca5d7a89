/** What JSON and YAML hold, once parsed. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object at `name`; an empty one where there is none, or `null` (YAML's `labels:` without a value). */
export function objectAt(of: JsonObject, name: string): JsonObject {
  const value = of[name]
  return isObject(value) ? value : {}
}

/** The objects of the list at `name`; none where there is no list. */
export function objectsAt(of: JsonObject, name: string): readonly JsonObject[] {
  const value = of[name]
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** The text at `name`, or the empty string. */
export function textAt(of: JsonObject, name: string): string {
  const value = of[name]
  return typeof value === 'string' ? value : ''
}
