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

export interface ProtectionParts {
  readonly connectionsMax: number
  readonly strain: Strain
  readonly log: Log
  /** Monotonic. */
  nowMs(): number
  /** Connections to endpoints and to the application, those that are being made included. */
  made(): number
  /** Closes those that carry nothing. */
  closeIdle(): void
}

type TrafficDirection = Exclude<Direction, 'pages'>

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
    const facts = { descriptorsMax: this.descriptorsMax, made: this.parts.made() }
    if (descriptorsAreScarce(facts, this.accepted())) this.closeIdle()
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

  private accepted(): number {
    let sum = 0
    for (const { connections } of this.doors.values()) sum += connections
    return sum
  }

  private facts(direction: TrafficDirection): AdmissionFacts {
    return {
      connectionsMax: this.parts.connectionsMax,
      descriptorsMax: this.descriptorsMax,
      elsewhere: this.accepted() - (this.doors.get(direction)?.connections ?? 0),
      made: this.parts.made(),
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
