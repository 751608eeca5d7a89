/** One room: a folder, what it is for, and what it may know. */
export interface Room {
  /** The folder, from the project's root. A file belongs to the room with the longest path that contains it. */
  readonly path: string
  readonly purpose: string
  /** Rooms that its files may import, through their doors; `x/*` means every room below `x`. Itself and `common` are always allowed. */
  readonly may: readonly string[]
  /** npm packages and Node modules that it may use; `node:*` means all but those in `RESERVED_MODULES`. */
  readonly packages: readonly string[]
  /** Files beside `mod.ts` that other rooms may import, each with its reason. */
  readonly doors?: Readonly<Record<string, string>>
  /** Only the files directly in it belong to it: a folder below it is a room of its own, or a fault. */
  readonly flat?: true
  /** Decides or describes only: neither clock nor chance nor timers, they come in as arguments. */
  readonly pure?: true
}

/** Something that no grant in the table may ever allow, so that the walls don't move by one careless line. */
export interface Never {
  /** The number of the rule in `docs/architecture.md`. */
  readonly rule: number
  readonly from: string
  /** A room and all below it; `*` is everything of ours. */
  readonly to: string
  readonly except?: readonly string[]
  /** What to do instead. */
  readonly instead: string
}

export interface Law {
  readonly rooms: readonly Room[]
  readonly never: readonly Never[]
}

/** What all may import. */
export const COMMON = 'common'

/** Modules that `node:*` doesn't grant: a database driver belongs to one room (rule 8). */
export const RESERVED_MODULES: ReadonlySet<string> = new Set(['node:sqlite'])

/** Whether `path` is `room` or lies below it. */
export function isWithin(path: string, room: string): boolean {
  return path === room || path.startsWith(`${room}/`)
}

/** The room that a file belongs to: the longest path wins. Undefined below a flat room: nobody has said who lives there. */
export function roomOf(law: Law, file: string): Room | undefined {
  let found: Room | undefined
  for (const room of law.rooms) {
    if (isWithin(file, room.path) && room.path.length > (found?.path.length ?? -1)) found = room
  }
  return found?.flat && file.slice(found.path.length + 1).includes('/') ? undefined : found
}

/** Whether the table lets room `from` import room `to`. */
export function mayImport(from: Room, to: Room): boolean {
  if (from.path === to.path || to.path === COMMON) return true
  return from.may.some(grant =>
    grant === '*' ? true : grant.endsWith('/*') ? to.path.startsWith(grant.slice(0, -1)) : grant === to.path,
  )
}

/** The rule that forbids `from` to import `to` for ever, if there is one. */
export function neverRule(law: Law, from: string, to: string): Never | undefined {
  return law.never.find(
    never =>
      isWithin(from, never.from) &&
      !isWithin(to, never.from) &&
      (never.to === '*' || isWithin(to, never.to)) &&
      !(never.except ?? []).some(room => isWithin(to, room)),
  )
}
