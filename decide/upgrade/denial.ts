import type { UpgradeLimit } from '../../model/snapshot/mod.ts'

/** Why the protocol may not be switched to, for people; `undefined` when it may. `protocol` is as the request names it: `websocket`. */
export function upgradeDenial(limit: UpgradeLimit | undefined, protocol: string): string | undefined {
  if (limit === undefined || limit.protocols.includes(protocol.toLowerCase())) return undefined
  const allowed = limit.protocols.length === 0 ? 'no upgrade at all' : `upgrades to ${limit.protocols.join(', ')} alone`
  return `${limit.by} allows ${allowed}`
}
