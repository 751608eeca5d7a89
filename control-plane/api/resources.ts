import { err, ok, type Result } from '../../common/mod.ts'
import {
  KINDS,
  type KindInfo,
  parseResources,
  type Resource,
  SERVER_BUDGET,
  validateResource,
} from '../../model/resources/mod.ts'
import { asResource, refText, type StoreChange } from '../store/mod.ts'
import { checkFields, parseObject } from './body.ts'
import { patched, patchTypesOf } from './patch.ts'
import { checkQuery, dryRunOf, WRITE_PARAMETERS } from './query.ts'
import { listOrWatch, notFound, type Reader, readOne, refFrom } from './reads.ts'
import type { ApiAnswer, ApiCall, Route } from './router.ts'
import type { Refusal } from './status.ts'
import { invalid, invalidResources, putOf, refOf, type Writer, warningsOf, write } from './writes.ts'

/** List, watch, read, create, replace, patch and delete, for every kind, at the paths that the Kubernetes API has for it. */
export function resourceRoutes(reader: Reader): Route[] {
  return KINDS.flatMap(info => routesOf(reader, info))
}

/** `/apis/selvedge.dev/v1`: where the paths of a kind begin. */
export function rootOf(info: KindInfo): string {
  return info.group === '' ? `/api/${info.version}` : `/apis/${info.group}/${info.version}`
}

function routesOf(reader: Reader, info: KindInfo): Route[] {
  const all = `${rootOf(info)}/${info.plural}`
  const list = `${rootOf(info)}/namespaces/:namespace/${info.plural}`
  const one = `${list}/:name`
  return [
    { method: 'GET', path: all, answer: call => listOrWatch(reader, info, call) },
    { method: 'GET', path: list, answer: call => listOrWatch(reader, info, call) },
    { method: 'POST', path: list, answer: call => create(reader, info, call) },
    { method: 'GET', path: one, answer: call => readOne(reader, info, call) },
    { method: 'PUT', path: one, answer: call => replace(reader, info, call) },
    { method: 'PATCH', path: one, answer: call => patch(reader, info, call) },
    { method: 'DELETE', path: one, answer: call => remove(reader, info, call) },
  ]
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

/** Others may write while the patch is worked out: then it is worked out anew, so often. */
const PATCH_TRIES_MAX = 5

async function patch(writer: Writer, info: KindInfo, call: ApiCall): Promise<Result<ApiAnswer, Refusal>> {
  const query = checkQuery(call.query, [...WRITE_PARAMETERS, 'force'])
  if (!query.ok) return query
  const text = await call.body(patchTypesOf(info))
  if (!text.ok) return text
  const body = parseObject(text.value)
  if (!body.ok) return body
  const ref = refFrom(info, call)
  for (let tries = 1; ; tries++) {
    const there = await writer.store.read(ref)
    if (there === undefined) return err(notFound('patch', ref))
    const made = patched(info, asResource(there), body.value, call.contentType)
    if (!made.ok) return made
    const resource = validateResource(made.value)
    if (!resource.ok) return err(invalidResources('patch', resource.error))
    const named = asNamed(info, call, resource.value)
    if (!named.ok) return named
    // The version that was read is still in it, unless the patch names one, or takes it out: not even then is another's write lost.
    const written = await put(writer, versioned(named.value, there.resourceVersion), call, undefined)
    const raced =
      !written.ok && written.error.code === 409 && written.error.currentResourceVersion !== there.resourceVersion
    if (!raced || tries === PATCH_TRIES_MAX) return written
  }
}

/** With the version that it names, or else this one. */
function versioned(resource: Resource, fallback: number): Resource {
  const { metadata } = resource
  const resourceVersion = metadata.resourceVersion ?? String(fallback)
  return { ...resource, metadata: { ...metadata, resourceVersion } } as Resource
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
  const query = checkQuery(call.query, ['dryRun', 'propagationPolicy', 'gracePeriodSeconds', 'pretty'])
  if (!query.ok) return query
  const dryRun = dryRunOf(call.query)
  if (!dryRun.ok) return dryRun
  const options = await deleteOptions(call)
  if (!options.ok) return options
  const ref = refFrom(info, call)
  const { expectedResourceVersion, uid } = options.value
  const there = await writer.store.read(ref)
  if (there === undefined) return err(notFound('delete', ref))
  if (uid !== undefined && uid !== there.uid) {
    const message = `Cannot delete ${refText(ref)}: its uid is ${there.uid}, so it is another than the one that was read. Read it again.`
    return err({ code: 409, message, currentResourceVersion: there.resourceVersion })
  }
  const changes: StoreChange[] = [{ kind: 'delete', ref, expectedResourceVersion }]
  const written = await write(writer, changes, { actor: call.actor, dryRun: dryRun.value || options.value.dryRun })
  if (!written.ok) return written
  const [outcome] = written.value.outcomes
  if (outcome?.action !== 'deleted') return err(notFound('delete', ref))
  return ok({ code: 200, value: asResource(outcome.before) })
}

/** Kubernetes' own; what a garbage collector would make of some of them, nobody does here. */
const DELETE_OPTIONS = [
  ...['apiVersion', 'kind', 'dryRun', 'preconditions', 'gracePeriodSeconds', 'propagationPolicy', 'orphanDependents'],
  'ignoreStoreReadErrorWithClusterBreakingPotential',
]

interface DeleteOptions {
  readonly dryRun: boolean
  readonly uid: string | undefined
  readonly expectedResourceVersion: number | undefined
}

/** Kubernetes' `DeleteOptions`, which kubectl sends as the body: of it, `dryRun` and `preconditions` mean something here. */
async function deleteOptions(call: ApiCall): Promise<Result<DeleteOptions, Refusal>> {
  const text = await call.body()
  if (!text.ok) return text
  if (text.value === '') return ok({ dryRun: false, uid: undefined, expectedResourceVersion: undefined })
  const body = parseObject(text.value)
  if (!body.ok) return body
  const { dryRun = [], preconditions = {} } = body.value
  // What is misread here deletes what should have stayed.
  const known = checkFields('delete', body.value, DELETE_OPTIONS)
  if (!known.ok) return known
  if (!Array.isArray(dryRun) || dryRun.length > 1 || dryRun.some(item => item !== 'All')) {
    return err({ code: 400, message: 'Cannot delete: "dryRun" must be ["All"], or left out.' })
  }
  if (typeof preconditions !== 'object' || preconditions === null || Array.isArray(preconditions)) {
    return err({ code: 400, message: 'Cannot delete: "preconditions" must be an object.' })
  }
  const { uid, resourceVersion } = preconditions as Readonly<Record<string, unknown>>
  const conditions = checkFields('delete', preconditions as object, ['uid', 'resourceVersion'])
  if (!conditions.ok) return conditions
  if (uid !== undefined && typeof uid !== 'string') {
    return err({ code: 400, message: 'Cannot delete: preconditions.uid must be a string.' })
  }
  if (resourceVersion !== undefined && !/^[0-9]{1,15}$/.test(String(resourceVersion))) {
    return err({ code: 400, message: 'Cannot delete: preconditions.resourceVersion is not a version.' })
  }
  return ok({
    dryRun: dryRun.length > 0,
    uid,
    expectedResourceVersion: resourceVersion === undefined ? undefined : Number(resourceVersion),
  })
}

/** The one resource in the body, which must be the one that the path names. */
async function resourceFrom(info: KindInfo, call: ApiCall): Promise<Result<Resource, Refusal>> {
  const query = checkQuery(call.query, WRITE_PARAMETERS)
  if (!query.ok) return query
  const body = await call.body()
  if (!body.ok) return body
  const parsed = parseResources(body.value, SERVER_BUDGET)
  if (!parsed.ok) return err(invalidResources('write', parsed.error))
  const [resource, ...more] = parsed.value
  if (resource === undefined || more.length > 0) {
    const message = `Cannot write: the body holds ${parsed.value.length} resources, and this path takes one. Send several to /apis/selvedge.dev/v1/apply.`
    return err({ code: 400, message })
  }
  return asNamed(info, call, resource)
}

function asNamed(info: KindInfo, call: ApiCall, resource: Resource): Result<Resource, Refusal> {
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
