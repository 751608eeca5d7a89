import type { z } from 'zod'
import { didYouMean, err, ok, type Result } from '../../common/mod.ts'
import { deepFreeze } from './deep-readonly.ts'
import { KINDS, type KindInfo, kindInfo, type Resource } from './kinds.ts'
import { DEFAULT_NAMESPACE } from './metadata.ts'
import { type Fault, formatPath, type ResourceProblem } from './problem.ts'
import { structureFault } from './structure.ts'
import { wordsOf } from './words.ts'

/**
 * Checks a value of unknown origin against the schema of its kind. What comes back is frozen and has its defaults;
 * otherwise all faults that could be found.
 */
export function validateResource(value: unknown): Result<Resource, ResourceProblem[]> {
  const result = checkResource(value)
  if (result.ok) return result
  const resource = nameOf(value) ?? 'resource'
  return err(result.error.map(({ path, message }) => ({ resource, path: formatPath(path), message })))
}

/** As `validateResource`, with faults in parts. */
export function checkResource(value: unknown): Result<Resource, readonly Fault[]> {
  const broken = structureFault(value)
  if (broken !== undefined) return err([broken])
  if (!isObject(value))
    return err([{ path: [], message: 'is not a resource: write apiVersion, kind, metadata and spec' }])
  const info = kindOf(value)
  if (!info.ok) return info
  const parsed = info.value.schema.safeParse(value, { error: wordsOf, reportInput: false })
  if (!parsed.success) return err(parsed.error.issues.flatMap(faultsOf))
  // The table pairs each kind with its own schema, and the kind was looked up in the table.
  return ok(deepFreeze(parsed.data) as Resource)
}

/** No name of ours holds anything else; on a terminal, control characters do more than they say. */
const PRINTABLE = /^[\x20-\x7e]*$/

/** `HTTPRoute bookshop/canary` of a value that may be anything; `undefined` where kind or name can't be read. */
export function nameOf(value: unknown): string | undefined {
  if (!isObject(value) || typeof value.kind !== 'string' || !isObject(value.metadata)) return undefined
  const { name, namespace = DEFAULT_NAMESPACE } = value.metadata
  if (typeof name !== 'string' || typeof namespace !== 'string') return undefined
  const text = `${value.kind} ${namespace}/${name}`
  return text.length <= 400 && PRINTABLE.test(text) ? text : undefined
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: Readonly<Record<string, unknown>>): Result<KindInfo, readonly Fault[]> {
  const { kind, apiVersion } = value
  const kinds = KINDS.map(known => known.kind)
  if (typeof kind !== 'string')
    return err([{ path: ['kind'], message: `is missing: write one of ${kinds.join(', ')}` }])
  const info = kindInfo(kind)
  if (info === undefined) {
    const message = `is "${kind.slice(0, 100)}", which is unknown${didYouMean(kind, kinds) || `: known are ${kinds.join(', ')}`}`
    return err([{ path: ['kind'], message }])
  }
  if (apiVersion === info.apiVersion) return ok(info)
  const message =
    typeof apiVersion === 'string'
      ? `is "${apiVersion.slice(0, 100)}", which is unknown for ${info.kind}: did you mean ${info.apiVersion}?`
      : `is missing: write ${info.apiVersion}`
  return err([{ path: ['apiVersion'], message }])
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code === 'unrecognized_keys') {
    // `object` writes one line for each key.
    const messages = issue.message.split('\n')
    return issue.keys.map((key, index) => ({ path: [...issue.path, key], message: messages[index] ?? 'is unknown' }))
  }
  if (issue.code === 'invalid_key') return [{ path: issue.path, message: issue.issues[0]?.message ?? issue.message }]
  return [{ path: issue.path, message: issue.message }]
}
