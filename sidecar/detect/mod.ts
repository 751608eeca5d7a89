/**
 * Which protocol a connection speaks, from its first bytes, and who is known to speak first. Pure; the clock is handed in.
 * Invariants: what is decided stays so, whatever follows; what is remembered is bounded, and decides nothing alone.
 */
export { type Detected, detect, detectHttp } from './first-bytes.ts'
export { serverSpeaks } from './server-bytes.ts'
export { ServerFirst } from './server-first.ts'
export { serverNameOf } from './server-name.ts'
