import { err, ok, type Result } from '../../common/mod.ts'
import { KINDS, type KindInfo, parseResources, type Resource } from '../../model/resources/mod.ts'
import { asResource, type ResourceRef, refText } from '../store/mod.ts'
import { leasedWorkload, leasedWorkloads } from './leased.ts'
import { checkQuery, dryRunOf } from './query.ts'
import type { ApiAnswer, ApiCall, Route } from './router.ts'
import type { Refusal } from './status.ts'
import { invalid, invalidResources, putOf, refOf, type Writer, warningsOf, write } from './writes.ts'

/** List, read, create, replace and delete, for every kind, at the paths that the Kubernetes API has for it. */
export function resourceRoutes(writer: Writer): Route[] {
  return KINDS.flatMap(info => routesOf(writer, info))
}

function routesOf(writer: Writer, info: KindInfo): Route[] {
  const root = info.group === '' ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`
  const list = `${root}/namespaces/:namespace/${info.plural}`
  const one = `${list}/:name`
  return [
    { method: 'GET', path: `${root}/${info.plural}`, answer: call => listAll(writer, info, call) },
    { method: 'GET', path: list, answer: call => listAll(writer, info, call) },
    { method: 'POST', path: list, answer: call => create(writer, info, call) },
    { method: 'GET', path: one, answer: call => read(writer, info, call) },
    { method: 'PUT', path: one, answer: call => replace(writer, info, call) },
    { method: 'DELETE', path: one, answer: call => remove(writer, info, call) },
  ]
}

async function listAll(writer: Writer, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  // `limit` is a wish (Kubernetes): answering with everything is allowed.
  const query = checkQuery(call.query, ['limit'])
  if (!query.ok) return query
  const { namespace } = call.params
  const { revision, resources } = await writer.store.list(info.kind, namespace)
  const leased = info.kind === 'Workload' ? leasedWorkloads(writer.world, namespace, resources) : []
  return ok({
    code: 200,
    value: {
      apiVersion: info.apiVersion,
      kind: `${info.kind}List`,
      metadata: { resourceVersion: String(revision) },
      items: [...resources.map(asResource), ...leased],
    },
  })
}

async function read(writer: Writer, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [])
  if (!query.ok) return query
  const ref = refFrom(info, call)
  const stored = await writer.store.read(ref)
  const value = stored === undefined ? leasedWorkload(writer.world, ref) : asResource(stored)
  return value === undefined ? err(notFound('read', ref)) : ok({ code: 200, value })
}

async function create(writer: Writer, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const sent = await resourceFrom(info, call)
  if (!sent.ok) return sent
  const ref = refOf(sent.value)
  const there = await writer.store.read(ref)
  if (there !== undefined) {
    const message = `Cannot create ${refText(ref)}: it is there already. Replace it with PUT, or use apply.`
    return err({ code: 409, message, currentResourceVersion: there.resourceVersion })
  }
  return put(writer, sent.value, call, 0)
}

async function replace(writer: Writer, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const sent = await resourceFrom(info, call)
  if (!sent.ok) return sent
  const there = await writer.store.read(refOf(sent.value))
  if (there === undefined) return err(notFound('replace', refOf(sent.value)))
  return put(writer, sent.value, call, undefined)
}

async function put(
  writer: Writer,
  resource: Resource,
  call: ApiCall,
  expected: 0 | undefined,
): Promise<Result<ApiAnswer, Refusal>> {
  const dryRun = dryRunOf(call.query)
  if (!dryRun.ok) return dryRun
  const change = putOf(resource)
  if (!change.ok) return change
  const warnings = warningsOf(writer, [resource])
  const changes = [expected === undefined ? change.value : { ...change.value, expectedResourceVersion: expected }]
  const written = await write(writer, changes, { actor: call.actor, dryRun: dryRun.value })
  if (!written.ok) return written
  const [outcome] = written.value.outcomes
  const value = outcome !== undefined && 'after' in outcome ? asResource(outcome.after) : resource
  return ok({ code: outcome?.action === 'created' ? 201 : 200, value, warnings })
}

async function remove(writer: Writer, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, ['dryRun'])
  if (!query.ok) return query
  const dryRun = dryRunOf(call.query)
  if (!dryRun.ok) return dryRun
  const ref = refFrom(info, call)
  const changes = [{ kind: 'delete', ref, expectedResourceVersion: undefined }] as const
  const written = await write(writer, changes, { actor: call.actor, dryRun: dryRun.value })
  if (!written.ok) return written
  const [outcome] = written.value.outcomes
  if (outcome?.action !== 'deleted') return err(notFound('delete', ref))
  return ok({ code: 200, value: asResource(outcome.before) })
}

/** The one resource in the body, which must be the one that the path names; what the body leaves out, the path says. */
async function resourceFrom(info: KindInfo, call: ApiCall): Promise<Result<Resource, Refusal>> {
  const query = checkQuery(call.query, ['dryRun'])
  if (!query.ok) return query
  const body = await call.body()
  if (!body.ok) return body
  const parsed = parseResources(body.value)
  if (!parsed.ok) return err(invalidResources('write', parsed.error))
  const [resource, ...more] = parsed.value
  if (resource === undefined || more.length > 0) {
    const message = `Cannot write: the body holds ${parsed.value.length} resources, and this path takes one. Send several to /apis/selvedge.dev/v1/apply.`
    return err({ code: 400, message })
  }
  const { namespace, name } = call.params
  const causes = [
    differs('kind', resource.kind, info.kind),
    differs('metadata.namespace', resource.metadata.namespace, namespace),
    differs('metadata.name', resource.metadata.name, name),
  ].flatMap(cause => (cause === undefined ? [] : [{ resource: refText(refOf(resource)), ...cause }]))
  return causes.length === 0 ? ok(resource) : err(invalid('write', causes))
}

function differs(
  field: string,
  sent: string,
  path: string | undefined,
): { field: string; message: string } | undefined {
  if (path === undefined || sent === path) return undefined
  return { field, message: `is ${sent}, and the path says ${path}: make them the same` }
}

function refFrom(info: KindInfo, call: ApiCall): ResourceRef {
  return { kind: info.kind, namespace: call.params.namespace ?? '', name: call.params.name ?? '' }
}

function notFound(verb: string, ref: ResourceRef): Refusal {
  return {
    code: 404,
    message: `Cannot ${verb} ${refText(ref)}: it is not there. See which are with "selvedge get ${ref.kind.toLowerCase()}".`,
  }
}
