import { readdirSync } from 'node:fs'
import type { Server } from 'node:net'
import type { Log } from './log.ts'
import {
  type AdmissionFacts,
  acceptedMax,
  type Direction,
  descriptorsAreScarce,
  descriptorsMax,
  PAGES_CONNECTIONS_MAX,
  Refusals,
  refusalReason,
} from './overload/mod.ts'
import { boundConnections } from './transport/mod.ts'

/** What a door is to its protection. */
export interface ProtectedDoor {
  readonly connections: number
  closeIdle(): void
}

/** Whether memory is too short: for new connections, for new requests. */
export interface Strain {
  readonly refusesConnections: boolean
  readonly refusesRequests: boolean
}

/** Connections of other threads of this sidecar, by the direction that they came in, and those that they have made. */
export interface ElsewhereConnections {
  accepted(direction: TrafficDirection): number
  made(): number
  /** What this thread has. */
  tell(inbound: number, outbound: number, made: number): void
}

export interface ProtectionParts {
  readonly connectionsMax: number
  readonly strain: Strain
  /** @default this thread is the only one */
  readonly elsewhere?: ElsewhereConnections | undefined
  readonly log: Log
  /** Monotonic. */
  nowMs(): number
  /** Connections to endpoints and to the application, those that are being made included. */
  made(): number
  /** Closes those that carry nothing. */
  closeIdle(): void
}

export type TrafficDirection = Exclude<Direction, 'pages'>

/** Keeps this sidecar from taking more than it can carry: bounds its doors, and lets go of what idles. */
export class Protection {
  readonly refusals: Refusals
  private readonly parts: ProtectionParts
  private readonly doors = new Map<TrafficDirection, ProtectedDoor>()
  private descriptorsMax = descriptorsMax()

  constructor(parts: ProtectionParts) {
    this.parts = parts
    this.refusals = new Refusals(parts.nowMs, parts.log)
  }

  /** A door for traffic. */
  guard(server: Server, direction: TrafficDirection, door: ProtectedDoor): void {
    this.doors.set(direction, door)
    boundConnections(
      server,
      () => acceptedMax(this.facts(direction)),
      () => this.refusals.note(direction, refusalReason(this.facts(direction))),
    )
    // The door has it by now.
    if (this.parts.elsewhere !== undefined) server.on('connection', () => this.tell())
  }

  /** A door for pages: served in any case, from descriptors of their own. */
  guardPages(server: Server): void {
    boundConnections(
      server,
      () => PAGES_CONNECTIONS_MAX,
      () => this.refusals.note('pages', 'limit'),
    )
  }

  /** Once a second. The limit of descriptors is read again, as it may be changed from outside. */
  sweep(): void {
    this.descriptorsMax = descriptorsMax(this.descriptorsMax)
    this.refusals.tick()
    this.tell()
    const facts = { descriptorsMax: this.descriptorsMax, made: this.made() }
    if (descriptorsAreScarce(facts, this.accepted('inbound') + this.accepted('outbound'))) this.closeIdle()
  }

  /** For metrics. Counting what is open takes 0.3 us for each. */
  descriptors(): { readonly open: number | undefined; readonly max: number } {
    return { open: openDescriptors(), max: this.descriptorsMax }
  }

  /** Connections that carry nothing, of callers and to endpoints. */
  closeIdle(): void {
    for (const door of this.doors.values()) door.closeIdle()
    this.parts.closeIdle()
  }

  private own(direction: TrafficDirection): number {
    return this.doors.get(direction)?.connections ?? 0
  }

  private accepted(direction: TrafficDirection): number {
    return this.own(direction) + (this.parts.elsewhere?.accepted(direction) ?? 0)
  }

  private made(): number {
    return this.parts.made() + (this.parts.elsewhere?.made() ?? 0)
  }

  private tell(): void {
    this.parts.elsewhere?.tell(this.own('inbound'), this.own('outbound'), this.parts.made())
  }

  /** Of a door in this thread: what others have at theirs is taken from what it may have. */
  private facts(direction: TrafficDirection): AdmissionFacts {
    this.tell()
    const others = this.parts.elsewhere?.accepted(direction) ?? 0
    return {
      connectionsMax: Math.max(0, this.parts.connectionsMax - others),
      descriptorsMax: this.descriptorsMax,
      elsewhere: others + this.accepted(direction === 'inbound' ? 'outbound' : 'inbound'),
      made: this.made(),
      memoryIsShort: this.parts.strain.refusesConnections,
    }
  }
}

function openDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
