import { err, ok, type Result } from '../../common/mod.ts'
import type { KindInfo } from '../../model/resources/mod.ts'
import type { Refusal } from './status.ts'

/** RFC 7386. */
export const MERGE_PATCH = 'application/merge-patch+json'
/** What kubectl sends for the kinds that it was born with, of which Service is the one here. */
const STRATEGIC_PATCH = 'application/strategic-merge-patch+json'

/** No kind nests deeper than a dozen levels. */
const DEPTH_MAX = 64

/** Lists of objects that a strategic merge patch changes item by item, by the field that tells these apart. */
const MERGE_KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = { Service: { ports: 'port' } }

/** The types of patches that a kind takes. */
export function patchTypesOf({ kind }: KindInfo): readonly string[] {
  return MERGE_KEYS[kind] === undefined ? [MERGE_PATCH] : [MERGE_PATCH, STRATEGIC_PATCH]
}

type Values = Readonly<Record<string, unknown>>

/** `current` as the patch makes it. What comes of it is not checked yet. */
export function patched(info: KindInfo, current: Values, patch: Values, contentType: string): Result<Values, Refusal> {
  try {
    if (contentType !== STRATEGIC_PATCH) return ok(merge(current, patch, 0))
    return ok(strategic(current, patch, MERGE_KEYS[info.kind] ?? {}, 0))
  } catch (error) {
    if (!(error instanceof PatchFault)) throw error
    return err({ code: 400, message: `Cannot patch: ${error.message}.` })
  }
}

class PatchFault extends Error {}

/** RFC 7386, 2: `null` removes, objects are merged, all else replaces. */
function merge(target: unknown, patch: Values, depth: number): Values {
  if (depth > DEPTH_MAX) throw new PatchFault(`it is nested deeper than ${DEPTH_MAX} levels`)
  const fields = new Map(isValues(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) fields.delete(name)
    else fields.set(name, isValues(value) ? merge(fields.get(name), value, depth + 1) : value)
  }
  // Not by assignment, which takes `__proto__` for more than a name; the check that follows refuses that.
  return Object.fromEntries(fields)
}

/**
 * The part of Kubernetes' strategic merge patch that kubectl writes: lists with a merge key are merged item by item, `$patch` replaces or
 * deletes, `$setElementOrder` orders, `$retainKeys` clears. All other lists are replaced.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
function strategic(target: unknown, patch: Values, mergeKeys: Readonly<Record<string, string>>, depth: number): Values {
  if (depth > DEPTH_MAX) throw new PatchFault(`it is nested deeper than ${DEPTH_MAX} levels`)
  const { $patch: directive, $retainKeys: retained, ...changes } = patch
  if (directive !== undefined && directive !== 'replace' && directive !== 'merge') {
    throw new PatchFault('"$patch" must be replace or merge here')
  }
  const before = isValues(target) && directive !== 'replace' ? Object.entries(target) : []
  const kept = Array.isArray(retained) ? before.filter(([name]) => retained.includes(name)) : before
  const fields = new Map(kept)
  for (const [name, value] of Object.entries(changes)) {
    if (name.startsWith('$')) continue
    const key = mergeKeys[name]
    if (value === null) fields.delete(name)
    else if (isValues(value)) fields.set(name, strategic(fields.get(name), value, mergeKeys, depth + 1))
    else if (key === undefined || !Array.isArray(value)) fields.set(name, value)
    else fields.set(name, mergedList(fields.get(name), value, key, mergeKeys, depth))
  }
  for (const [name, order] of Object.entries(changes)) {
    const list = name.startsWith(ORDER) ? name.slice(ORDER.length) : undefined
    const key = list === undefined ? undefined : mergeKeys[list]
    if (list === undefined || key === undefined || !Array.isArray(order)) continue
    fields.set(list, ordered(fields.get(list), order, key))
  }
  return Object.fromEntries(fields)
}

const ORDER = '$setElementOrder/'

function mergedList(
  target: unknown,
  patch: readonly unknown[],
  key: string,
  mergeKeys: Readonly<Record<string, string>>,
  depth: number,
): readonly unknown[] {
  if (patch.some(item => isValues(item) && item.$patch === 'replace')) {
    return patch.filter(item => !(isValues(item) && item.$patch === 'replace'))
  }
  const items = new Map(listOf(target).map(item => [item[key], item] as const))
  for (const item of patch) {
    if (!isValues(item) || item[key] === undefined) throw new PatchFault(`an item of a list lacks its key, "${key}"`)
    if (item.$patch === 'delete') items.delete(item[key])
    else items.set(item[key], strategic(items.get(item[key]), item, mergeKeys, depth + 1))
  }
  return [...items.values()]
}

/** In the order of the patch; what it does not name comes last, as it stood. */
function ordered(target: unknown, order: readonly unknown[], key: string): readonly unknown[] {
  const places = order.map(item => (isValues(item) ? item[key] : undefined))
  const place = (item: Values) => {
    const index = places.indexOf(item[key])
    return index === -1 ? places.length : index
  }
  return listOf(target).toSorted((a, b) => place(a) - place(b))
}

function listOf(value: unknown): readonly Values[] {
  return Array.isArray(value) ? value.filter(isValues) : []
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
