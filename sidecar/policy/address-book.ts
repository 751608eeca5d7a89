import type { AddressOwner } from '../../model/snapshot/mod.ts'

/** How long an answer is believed before it is asked for again; until the new one is there, the old one holds. */
const FRESH_MS = 10_000
/** A question that was lost is asked again after this. */
const ASK_AGAIN_MS = 1_000
/** Addresses that are remembered, as an application may go through any number of them. The one that was asked for longest ago makes room. */
const REMEMBERED_MAX = 4_096

export type AddressLookup =
  | { readonly kind: 'known'; readonly owner: AddressOwner }
  /** `asked` says whether an answer may still come. */
  | { readonly kind: 'unknown'; readonly asked: boolean }

interface Entry {
  owner: AddressOwner | undefined
  answeredMs: number
  askedMs: number
}

export interface AddressBookParts {
  /** Monotonic. */
  nowMs(): number
  /** `false`: there will be no answer. */
  ask(address: string, found: (owner: AddressOwner) => void): boolean
  /** Something has become known of an address that was not known before. */
  learnt(address: string): void
}

/** Whose the addresses are that intercepted connections were going to: asked for on first use, and again when the answer has aged. */
export class AddressBook {
  private readonly parts: AddressBookParts
  private readonly entries = new Map<string, Entry>()

  constructor(parts: AddressBookParts) {
    this.parts = parts
  }

  lookup(address: string): AddressLookup {
    const now = this.parts.nowMs()
    const entry = this.entries.get(address) ?? this.add(address)
    let asked = now - entry.askedMs < ASK_AGAIN_MS
    if (!asked && (entry.owner === undefined || now - entry.answeredMs >= FRESH_MS)) {
      entry.askedMs = now
      asked = this.parts.ask(address, owner => this.answered(address, entry, owner))
      if (!asked) entry.askedMs = Number.NEGATIVE_INFINITY
    }
    // An answer may have come at once.
    return entry.owner === undefined ? { kind: 'unknown', asked } : { kind: 'known', owner: entry.owner }
  }

  private add(address: string): Entry {
    if (this.entries.size >= REMEMBERED_MAX) {
      for (const oldest of this.entries.keys()) {
        this.entries.delete(oldest)
        break
      }
    }
    const entry: Entry = { owner: undefined, answeredMs: 0, askedMs: Number.NEGATIVE_INFINITY }
    this.entries.set(address, entry)
    return entry
  }

  private answered(address: string, entry: Entry, owner: AddressOwner): void {
    const first = entry.owner === undefined
    entry.owner = owner
    entry.answeredMs = this.parts.nowMs()
    if (first) this.parts.learnt(address)
  }
}
