import { STATIC_FIELDS, staticName, staticValue } from './static-table.ts'

/** Of each name of the static table, the index of its first field. */
const indexes = new Map<string, number>()
for (let index = STATIC_FIELDS; index > 0; index--) indexes.set(staticName(index), index)

/** The index of the first static field of that name, or 0. */
export function staticIndexOf(name: string): number {
  return indexes.get(name) ?? 0
}

/** The index of the static field that is name and value, or 0; `first` is the first index of the name. */
export function staticMatch(first: number, name: string, value: string): number {
  for (let index = first; index <= STATIC_FIELDS && staticName(index) === name; index++) {
    // An empty value stands for none in the table's list, and matches an empty one all the same.
    if (staticValue(index) === value) return index
  }
  return 0
}
