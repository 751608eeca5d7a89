import { createHash } from 'node:crypto'
import { stableJson } from '../../common/mod.ts'

/** SHA-256 of the content as stable JSON, hex: tells whether a content has changed, and whether what was read is what was written. */
export function contentDigest(content: unknown): string {
  return createHash('sha256').update(stableJson(content)).digest('hex')
}
