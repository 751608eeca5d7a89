import { createHash } from 'node:crypto'
import { type Brand, stableJson } from '../../common/mod.ts'

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
