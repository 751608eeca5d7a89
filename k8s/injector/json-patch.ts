import { isObject, type Json, type JsonObject } from './json.ts'

/** One step of a JSON Patch (RFC 6902), of the three kinds that we make. */
export type PatchStep =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: Json }
  | { readonly op: 'remove'; readonly path: string }

/** The steps that make `after` of `before`, in the order in which they are to be taken; none when they are equal. */
export function jsonPatch(before: Json, after: Json): readonly PatchStep[] {
  const steps: PatchStep[] = []
  compare('', before, after, steps)
  return steps
}

/** The names on the way that a JSON Pointer (RFC 6901) tells. */
export function pointerNames(path: string): readonly string[] {
  return path
    .split('/')
    .slice(1)
    .map(name => name.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function compare(path: string, before: Json, after: Json, steps: PatchStep[]): void {
  // What is the very same is not looked into, however deep it is.
  if (before === after) return
  if (isObject(before) && isObject(after)) compareObjects(path, before, after, steps)
  else if (Array.isArray(before) && Array.isArray(after)) compareLists(path, before, after, steps)
  else steps.push({ op: 'replace', path, value: after })
}

function compareObjects(path: string, before: JsonObject, after: JsonObject, steps: PatchStep[]): void {
  for (const [name, value] of Object.entries(before)) {
    const at = `${path}/${escaped(name)}`
    const now = Object.hasOwn(after, name) ? after[name] : undefined
    if (now === undefined) steps.push({ op: 'remove', path: at })
    else compare(at, value, now, steps)
  }
  for (const [name, value] of Object.entries(after)) {
    if (!Object.hasOwn(before, name)) steps.push({ op: 'add', path: `${path}/${escaped(name)}`, value })
  }
}

/** What begins and ends alike stays. Of the middle, the last ones are compared in pairs: what we add to a list of containers stands before them. */
function compareLists(path: string, before: readonly Json[], after: readonly Json[], steps: PatchStep[]): void {
  const shorter = Math.min(before.length, after.length)
  let tail = 0
  while (tail < shorter && isEqual(before[before.length - 1 - tail]!, after[after.length - 1 - tail]!)) tail++
  let head = 0
  while (head < shorter - tail && isEqual(before[head]!, after[head]!)) head++
  const removed = before.length - tail - head
  const added = after.length - tail - head
  const pairs = Math.min(removed, added)
  for (let at = head + removed - pairs - 1; at >= head; at--) steps.push({ op: 'remove', path: `${path}/${at}` })
  for (let at = head; at < head + pairs; at++) {
    compare(`${path}/${at}`, before[at + removed - pairs]!, after[at + added - pairs]!, steps)
  }
  for (let at = head; at < head + added - pairs; at++)
    steps.push({ op: 'add', path: `${path}/${at}`, value: after[at]! })
}

function isEqual(one: Json, other: Json): boolean {
  if (one === other) return true
  if (isObject(one) && isObject(other)) {
    const names = Object.keys(one)
    return (
      names.length === Object.keys(other).length &&
      names.every(name => Object.hasOwn(other, name) && isEqual(one[name]!, other[name]!))
    )
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, at) => isEqual(value, other[at]!))
  }
  return false
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
