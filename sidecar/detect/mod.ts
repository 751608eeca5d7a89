/**
 * Which protocol a connection speaks, from its first bytes. Pure.
 */
export { type Detected, detect } from './first-bytes.ts'
