/**
 * The proxies that are measured, each in its best fair way: one thread, no logs, upstream connections kept and used again, TLS 1.3 with
 * both sides verified and without session resumption.
 * Invariant: a peer that can't take part says so in one line, and is left out.
 */
import { envoy, envoyH1 } from './envoy.ts'
import { haproxy, haproxyH2 } from './haproxy.ts'
import { nginx } from './nginx.ts'
import type { Peer } from './peer.ts'
import { selvedge } from './selvedge.ts'

export { haproxyConfig, haproxyTls } from './haproxy-config.ts'
export type { Peer, RunningPeer, Scene } from './peer.ts'

/** In the order of the table: ours first, as all ratios are ours to theirs. */
export const PEERS: readonly Peer[] = [selvedge, haproxy, haproxyH2, envoy, nginx, envoyH1]
