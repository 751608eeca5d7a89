/**
 * What makes requests, and what is read from its words. Invariant: it runs on the load's cores, apart from the proxies.
 */
export { type Connector, startConnector } from './connector.ts'
export { missingTools } from './missing-tools.ts'
export type { LoadResult } from './read.ts'
export { sendLoad } from './send.ts'
