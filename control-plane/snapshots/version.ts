import { createHash } from 'node:crypto'
import type { Brand } from '../../common/mod.ts'

/** Says what a resource holds: two resources with the same version have the same content. */
export type ContentVersion = Brand<string, 'ContentVersion'>

/** 96 bits: among 2^32 contents, the chance that any two meet is below 2^-32. */
const HASH_BYTES = 12

/**
 * What stands for "it does not exist" where a version is expected, so that a negative answer is held, acknowledged and resumed as
 * any other. Not the form of a hash.
 */
export const ABSENT = '-' as ContentVersion

/** The version of plain JSON data: the same for the same content, whatever the order of its keys. */
export function contentVersion(content: unknown): ContentVersion {
  const hash = createHash('sha256').update(stableJson(content)).digest()
  return hash.subarray(0, HASH_BYTES).toString('base64url') as ContentVersion
}

/** JSON with the keys of each object sorted; what is `undefined` is left out, as `JSON.stringify` does. */
export function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(item => stableJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const record = value as Readonly<Record<string, unknown>>
  const fields = Object.keys(record)
    .filter(key => record[key] !== undefined)
    .sort()
    .map(key => `${JSON.stringify(key)}:${stableJson(record[key])}`)
  return `{${fields.join(',')}}`
}
