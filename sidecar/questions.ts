import type { Result, ServiceKey } from '../common/mod.ts'
import type { AddressOwner } from '../model/snapshot/mod.ts'
import type { SidecarConfig } from './config.ts'
import type { Doors } from './doors.ts'
import type { UnderWay } from './drain.ts'
import type { Svid } from './identity/mod.ts'
import type { AroundTraffic, TrafficLook } from './traffic.ts'
import type { SharedBuffers, SharedUpdate } from './workers/mod.ts'

/** What a worker is born with. All that threads hand to each other is plain. */
export interface WorkerBirth {
  readonly config: SidecarConfig
  readonly worker: number
  readonly memory: SharedBuffers
  /** Whether compiled sources are kept on disk. */
  readonly compileCache: boolean
}

/** What the main thread asks of a worker, by name. */
export interface WorkerQuestions {
  open: { readonly ask: Opening; readonly answer: Result<OpenedPlaces, string> }
  apply: { readonly ask: SharedUpdate; readonly answer: undefined }
  set: { readonly ask: AroundTraffic; readonly answer: undefined }
  /** Whose an IP address is, for those who wait to know it. */
  owner: { readonly ask: { readonly address: string; readonly owner: AddressOwner }; readonly answer: undefined }
  renew: { readonly ask: Svid; readonly answer: undefined }
  forget: { readonly ask: readonly ServiceKey[]; readonly answer: undefined }
  collect: { readonly ask: undefined; readonly answer: undefined }
  closeIdle: { readonly ask: undefined; readonly answer: undefined }
  /** What has been counted, and the spans, come as messages of their own: they are taken however late they are. */
  gather: { readonly ask: undefined; readonly answer: undefined }
  /** Gathers, too. */
  look: { readonly ask: undefined; readonly answer: TrafficLook }
  underWay: { readonly ask: undefined; readonly answer: UnderWay }
  endTunnels: { readonly ask: undefined; readonly answer: undefined }
  /** With the milliseconds since the last use. */
  unused: { readonly ask: number; readonly answer: readonly ServiceKey[] }
  /** Gathers for the last time. */
  close: { readonly ask: undefined; readonly answer: undefined }
}

/** Where to listen, and as whom. The first of the workers finds the ports that the others then share. */
export interface Opening {
  readonly svid: Svid
  /** What the first has found; `undefined`: as configured. */
  readonly ports: OpenedPlaces['ports'] | undefined
  readonly sharing: 'first' | 'next'
}

export type OpenedPlaces = Pick<Doors, 'ports' | 'listeners'>
