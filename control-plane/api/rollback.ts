import { err, ok, type Result, stableJson } from '../../common/mod.ts'
import { type Resource, validateResource } from '../../model/resources/mod.ts'
import type { AuditRecord, ResourceContent, ResourceRef, Store, StoreChange } from '../store/mod.ts'
import { summary } from './apply.ts'
import { parseObject } from './body.ts'
import { checkQuery, dryRunOf } from './query.ts'
import type { ApiAnswer, ApiCall, Route } from './router.ts'
import type { Refusal } from './status.ts'
import { invalidResources, putOf, type Writer, warningsOf, write } from './writes.ts'

/** As many as one apply can change. */
const CHANGES_MAX = 10_000
const FIELDS = ['revision', 'resource', 'force']

/** Makes what one revision changed as it was before: one transaction, which is a new revision. */
export function rollbackRoutes(writer: Writer): Route[] {
  return [{ method: 'POST', path: '/apis/selvedge.dev/v1/rollback', answer: call => rollback(writer, call) }]
}

async function rollback(writer: Writer, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, ['dryRun'])
  if (!query.ok) return query
  const dryRun = dryRunOf(call.query)
  if (!dryRun.ok) return dryRun
  const wish = await wishOf(call)
  if (!wish.ok) return wish
  const { revision, resource, force } = wish.value
  const records = await writer.store.audit.list(CHANGES_MAX, { revision, subject: resource })
  const changed = records.filter(({ before, after }) => before !== undefined || after !== undefined)
  if (changed.length === 0) {
    const what = resource === undefined ? '' : ` of ${resource}`
    const message = `Cannot roll back revision ${revision}: no change${what} is known of it. See which are with "selvedge history".`
    return err({ code: 404, message })
  }
  const undone = await changesOf(writer.store, changed.toReversed(), force)
  if (!undone.ok) return undone
  const { changes, restored } = undone.value
  const warnings = warningsOf(writer, restored)
  const written = await write(writer, changes, { actor: call.actor, dryRun: dryRun.value })
  if (written.ok) return ok({ code: 200, value: { ...summary(written.value), warnings } })
  if (written.error.code !== 409) return written
  // Reading it again, as other writers are told to, would not help here.
  const { conflict, currentResourceVersion: version } = written.error
  const state = version === undefined ? 'deleted since' : `changed since, by revision ${version}`
  const message = `Cannot roll back revision ${revision}: ${conflict} was ${state}. Roll that back first, or use force.`
  return err({ ...written.error, message })
}

interface Wish {
  readonly revision: number
  /** `HTTPRoute bookshop/canary`: of the revision's changes this one alone. */
  readonly resource: string | undefined
  /** Also what has been changed again since. */
  readonly force: boolean
}

async function wishOf(call: ApiCall): Promise<Result<Wish, Refusal>> {
  const text = await call.body()
  if (!text.ok) return text
  const body = parseObject(text.value)
  if (!body.ok) return body
  const { revision, resource, force = false } = body.value
  const unknown = Object.keys(body.value).find(field => !FIELDS.includes(field))
  if (unknown !== undefined) return err(wrong(`"${unknown.slice(0, 100)}" is unknown; known are ${FIELDS.join(', ')}`))
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 1) {
    return err(wrong('"revision" must be the number of a revision'))
  }
  if (resource !== undefined && typeof resource !== 'string') {
    return err(wrong('"resource" must be a kind and a name, as in HTTPRoute bookshop/canary'))
  }
  if (typeof force !== 'boolean') return err(wrong('"force" must be true or false'))
  return ok({ revision, resource, force })
}

/** The changes that undo these; without `force` each holds only while all is as it left it. */
async function changesOf(
  store: Store,
  records: readonly AuditRecord[],
  force: boolean,
): Promise<Result<{ readonly changes: readonly StoreChange[]; readonly restored: readonly Resource[] }, Refusal>> {
  const changes: StoreChange[] = []
  const restored: Resource[] = []
  for (const { before, after, revision } of records) {
    const expectedResourceVersion = force ? undefined : await versionLeft(store, after, revision)
    if (before === undefined) {
      if (after !== undefined) changes.push({ kind: 'delete', ref: refIn(after), expectedResourceVersion })
      continue
    }
    const resource = validateResource(before)
    if (!resource.ok) return err(invalidResources('roll back', resource.error))
    const put = putOf(resource.value)
    if (!put.ok) return put
    changes.push({ ...put.value, expectedResourceVersion })
    restored.push(resource.value)
  }
  return ok({ changes, restored })
}

/**
 * The version that a resource has while it is as `revision` left it. What was changed since and changed back counts as that: else nobody
 * could roll back one revision after the other, since each rollback is a change, too.
 */
async function versionLeft(store: Store, after: ResourceContent | undefined, revision: number): Promise<number> {
  // What is not there has no version: 0.
  if (after === undefined) return 0
  const now = await store.read(refIn(after))
  return now !== undefined && stableJson(now.content) === stableJson(after) ? now.resourceVersion : revision
}

/** By its name alone: a kind's rules may have become stricter since. */
function refIn({ kind, metadata }: ResourceContent): ResourceRef {
  const { namespace, name } = metadata as { readonly namespace: string; readonly name: string }
  return { kind: String(kind), namespace, name }
}

function wrong(state: string): Refusal {
  return { code: 400, message: `Cannot roll back: ${state}.` }
}
