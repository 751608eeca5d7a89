import { err, ok, type Result } from '../../common/mod.ts'
import { KINDS, kindInfo, parseResources, type Resource, SERVER_BUDGET } from '../../model/resources/mod.ts'
import { type Committed, refText, type StoreChange } from '../store/mod.ts'
import { checkFields, parseObject } from './body.ts'
import { leasesApart } from './lease-copies.ts'
import { checkQuery, dryRunOf, WRITE_PARAMETERS } from './query.ts'
import type { ApiAnswer, ApiCall, Route } from './router.ts'
import type { Refusal, RefusalCause } from './status.ts'
import { invalid, invalidResources, putOf, type Writer, warningsOf, write } from './writes.ts'

/** Deletions in one call: as many as one apply can bring. */
const DELETIONS_MAX = 10_000

/** Many resources in one step: one transaction and one revision, or nothing and all reasons why. */
export function applyRoutes(writer: Writer): Route[] {
  return [
    { method: 'POST', path: '/apis/selvedge.dev/v1/apply', answer: call => apply(writer, call) },
    { method: 'POST', path: '/apis/selvedge.dev/v1/delete', answer: call => deleteAll(writer, call) },
  ]
}

async function apply(writer: Writer, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, WRITE_PARAMETERS)
  if (!query.ok) return query
  const dryRun = dryRunOf(call.query)
  if (!dryRun.ok) return dryRun
  const body = await call.body()
  if (!body.ok) return body
  const resources = resourcesIn(body.value)
  if (!resources.ok) return resources
  const apart = await leasesApart(writer, resources.value)
  if (!apart.ok) return apart
  const { toWrite, unchanged } = apart.value
  const changes: StoreChange[] = []
  for (const resource of toWrite) {
    const change = putOf(resource)
    if (!change.ok) return change
    changes.push(change.value)
  }
  const warnings = warningsOf(writer, toWrite)
  const written = await write(writer, changes, { actor: call.actor, dryRun: dryRun.value })
  if (!written.ok) return written
  const { revision, results } = summary(written.value)
  const leases = unchanged.map(ref => ({ resource: refText(ref), action: 'unchanged' }))
  return ok({ code: 200, value: { revision, results: [...results, ...leases], warnings } })
}

/** Whatever `parseResources` reads: `{"resources": [...]}`, YAML documents, a `List`, one resource. */
function resourcesIn(text: string): Result<readonly Resource[], Refusal> {
  const parsed = parseResources(text, SERVER_BUDGET)
  if (!parsed.ok) return err(invalidResources('apply', parsed.error))
  if (parsed.value.length > 0) return parsed
  return err({
    code: 400,
    message: 'Cannot apply: the body holds no resources. Send YAML documents or {"resources": [...]}.',
  })
}

async function deleteAll(writer: Writer, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, WRITE_PARAMETERS)
  if (!query.ok) return query
  const dryRun = dryRunOf(call.query)
  if (!dryRun.ok) return dryRun
  const text = await call.body()
  if (!text.ok) return text
  const body = parseObject(text.value)
  if (!body.ok) return body
  const { resources } = body.value
  const known = checkFields('delete', body.value, ['resources'])
  if (!known.ok) return known
  if (!Array.isArray(resources) || resources.length === 0 || resources.length > DELETIONS_MAX) {
    const message = `Cannot delete: "resources" must be a list of 1 to ${DELETIONS_MAX}, each with apiVersion, kind, namespace and name.`
    return err({ code: 400, message })
  }
  const causes: RefusalCause[] = []
  const changes: StoreChange[] = []
  for (const [index, item] of resources.entries()) {
    const change = deletionOf(item, index)
    if (change.ok) changes.push(change.value)
    else causes.push(change.error)
  }
  if (causes.length > 0) return err(invalid('delete', causes))
  const written = await write(writer, changes, { actor: call.actor, dryRun: dryRun.value })
  return written.ok ? ok({ code: 200, value: { ...summary(written.value), warnings: [] } }) : written
}

function deletionOf(item: unknown, index: number): Result<StoreChange, RefusalCause> {
  const resource = `item ${index + 1}`
  const { apiVersion, kind, namespace = 'default', name, ...more } = (item ?? {}) as Readonly<Record<string, unknown>>
  const info = typeof kind === 'string' ? kindInfo(kind) : undefined
  if (info === undefined) {
    return err({ resource, field: 'kind', message: `must be one of ${KINDS.map(known => known.kind).join(', ')}` })
  }
  if (apiVersion !== undefined && apiVersion !== info.apiVersion) {
    return err({ resource, field: 'apiVersion', message: `must be ${info.apiVersion} for ${info.kind}` })
  }
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) {
    const message = 'is unknown: an item has apiVersion, kind, namespace and name'
    return err({ resource, field: unknown.slice(0, 100), message })
  }
  if (typeof namespace !== 'string') return err({ resource, field: 'namespace', message: 'must be a string' })
  if (typeof name !== 'string' || name === '') return err({ resource, field: 'name', message: 'is missing' })
  return ok({ kind: 'delete', ref: { kind: info.kind, namespace, name }, expectedResourceVersion: undefined })
}

/** What became of each, as it is answered. */
export function summary({ revision, outcomes }: Committed) {
  return { revision, results: outcomes.map(({ ref, action }) => ({ resource: refText(ref), action })) }
}
