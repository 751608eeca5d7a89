import { COMMON, isWithin, type Law, type Room } from './table.ts'

export const PICTURE_BEGIN = '<!-- made by `node tools/rooms.ts --write` from the table in tools/rooms.ts: begin -->'
export const PICTURE_END = '<!-- made by `node tools/rooms.ts --write`: end -->'

const PROGRAMS = ['sidecar', 'control-plane']
const OUTSIDE = new Set(['tools', 'bench', 'test', 'e2e', 'docs'])

/** The three drawings and the list of rooms, as Markdown. Depends on the table alone, so it can be held against what is on disk. */
export function drawPicture(law: Law): string {
  const parts = [
    PICTURE_BEGIN,
    'An arrow means "may import". What follows from another arrow is left out, and so is `common`, which all may import.',
    '### The whole',
    mermaid(wholeEdges(law)),
    ...PROGRAMS.flatMap(program => [`### Inside \`${program}/\``, mermaid(insideEdges(law, program))]),
    '### Every room',
    table(law.rooms),
    PICTURE_END,
  ]
  return parts.join('\n\n')
}

/** `text` with the picture between its markers renewed; undefined when a marker is missing. */
export function withPicture(text: string, picture: string): string | undefined {
  const begin = text.indexOf(PICTURE_BEGIN)
  const end = text.indexOf(PICTURE_END)
  if (begin === -1 || end < begin) return undefined
  return text.slice(0, begin) + picture + text.slice(end + PICTURE_END.length)
}

type Edges = Map<string, Set<string>>

/** Rooms by their first folder: how the programs lie to each other. */
function wholeEdges(law: Law): Edges {
  const edges: Edges = new Map()
  for (const room of law.rooms) {
    const from = firstFolder(room.path)
    if (from === COMMON || OUTSIDE.has(from)) continue
    const targets = edges.get(from) ?? new Set()
    for (const to of grantedRooms(law, room).map(firstFolder)) if (to !== from && to !== COMMON) targets.add(to)
    edges.set(from, targets)
  }
  return reduced(edges)
}

/** Rooms of one program; what assembles it knows all of them and is not drawn. */
function insideEdges(law: Law, program: string): Edges {
  const edges: Edges = new Map()
  const short = (path: string) => path.slice(program.length + 1)
  for (const room of law.rooms) {
    if (!isWithin(room.path, program) || room.path === program) continue
    const inside = grantedRooms(law, room).filter(path => isWithin(path, program) && path !== program)
    edges.set(short(room.path), new Set(inside.map(short)))
  }
  return reduced(edges)
}

function grantedRooms(law: Law, room: Room): string[] {
  return room.may.flatMap(grant =>
    grant.endsWith('/*')
      ? law.rooms.map(other => other.path).filter(path => path.startsWith(grant.slice(0, -1)) && path !== room.path)
      : [grant],
  )
}

/** Transitive reduction: an edge that a longer way implies is dropped. */
function reduced(edges: Edges): Edges {
  const kept: Edges = new Map()
  for (const [from, targets] of edges) {
    const direct = [...targets].filter(to => ![...targets].some(via => via !== to && reaches(edges, via, to)))
    kept.set(from, new Set(direct))
  }
  return kept
}

function reaches(edges: Edges, from: string, to: string): boolean {
  const seen = new Set<string>()
  const open = [from]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    for (const next of edges.get(at) ?? []) {
      if (next === to) return true
      open.push(next)
    }
  }
  return false
}

function mermaid(edges: Edges): string {
  const id = (name: string) => name.replaceAll(/[^a-z0-9]/g, '_')
  const names = new Set([...edges.keys(), ...[...edges.values()].flatMap(targets => [...targets])])
  const lines = ['```mermaid', 'graph TD']
  for (const name of names) lines.push(`  ${id(name)}["${name}"]`)
  for (const [from, targets] of edges) for (const to of targets) lines.push(`  ${id(from)} --> ${id(to)}`)
  lines.push('```')
  return lines.join('\n')
}

function table(rooms: readonly Room[]): string {
  const rows = rooms.map(room => {
    const may =
      room.may.length === 0 ? 'nothing' : room.may.map(one => (one === '*' ? 'every room' : `\`${one}\``)).join(', ')
    return `| \`${room.path}\` | ${room.purpose} | ${may} |`
  })
  return ['| room | what it is for | may import |', '| --- | --- | --- |', ...rows].join('\n')
}

function firstFolder(path: string): string {
  return path.split('/')[0] ?? path
}
