import type { KindInfo, OpenApiSchema } from '../../model/resources/mod.ts'
import { RESOURCE_TYPES } from './body.ts'
import { MERGE_PATCH } from './patch.ts'
import { rootOf } from './resources.ts'
import type { Method } from './router.ts'
import type { Refusal } from './status.ts'

/** One call of the API, as OpenAPI describes it. */
export interface Operation {
  readonly method: Method
  /** As in the router: `/api/v1/namespaces/:namespace/services/:name`. */
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly parameters?: readonly Parameter[]
  readonly body?: { readonly required: boolean; readonly types: readonly string[]; readonly schema: OpenApiSchema }
  readonly answer: { readonly code: 200 | 201; readonly description: string; readonly schema: OpenApiSchema }
  readonly refusals: readonly Refusal['code'][]
  /** Needs no token. */
  readonly open?: boolean
  readonly extensions?: OpenApiSchema
}

export interface Parameter {
  readonly name: string
  readonly description: string
  readonly schema: OpenApiSchema
}

export const TEXT: OpenApiSchema = { type: 'string' }
export const WHOLE: OpenApiSchema = { type: 'integer', minimum: 0 }
export const YES_OR_NO: OpenApiSchema = { type: 'string', enum: ['true', 'false'] }

export const DRY_RUN: Parameter = {
  name: 'dryRun',
  description: 'Check everything, write nothing.',
  schema: { type: 'string', enum: ['All'] },
}

const WRITE: readonly Parameter[] = [
  DRY_RUN,
  { name: 'fieldManager', description: 'Taken, and not looked at.', schema: TEXT },
  // kubectl looks for this one before it leaves validation to the server.
  { name: 'fieldValidation', description: 'Taken; unknown fields are always refused.', schema: TEXT },
  { name: 'pretty', description: 'Taken, and not looked at.', schema: TEXT },
]

const LIST: readonly Parameter[] = [
  {
    name: 'labelSelector',
    description: '`a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`; with commas.',
    schema: TEXT,
  },
  { name: 'fieldSelector', description: '`metadata.name=a`, `metadata.namespace!=b`; with commas.', schema: TEXT },
  { name: 'limit', description: 'The most that one answer holds; 0 is all.', schema: WHOLE },
  { name: 'continue', description: 'The next page of a list, as its page before has given it.', schema: TEXT },
  { name: 'resourceVersion', description: 'For a watch: tell what changed after this revision.', schema: TEXT },
  {
    name: 'resourceVersionMatch',
    description: 'How a list takes it.',
    schema: { type: 'string', enum: ['NotOlderThan', 'Exact'] },
  },
  { name: 'watch', description: 'One JSON object a line for each change, until the watch ends.', schema: YES_OR_NO },
  {
    name: 'allowWatchBookmarks',
    description: 'Send BOOKMARK events, which tell how far the watch is.',
    schema: YES_OR_NO,
  },
  { name: 'timeoutSeconds', description: 'When a watch ends.', schema: { type: 'integer', minimum: 1, maximum: 3600 } },
]

const DELETE: readonly Parameter[] = [
  DRY_RUN,
  { name: 'propagationPolicy', description: 'Taken, and not looked at.', schema: TEXT },
  { name: 'gracePeriodSeconds', description: 'Taken, and not looked at.', schema: TEXT },
  { name: 'pretty', description: 'Taken, and not looked at.', schema: TEXT },
]

const READ_REFUSALS = [400, 401] as const
export const WRITE_REFUSALS = [400, 401, 403, 409, 413, 415, 422, 503] as const

/** The seven calls that every kind has. */
export function operationsOf(info: KindInfo): Operation[] {
  const { kind, plural, group, version } = info
  const all = `${rootOf(info)}/${plural}`
  const list = `${rootOf(info)}/namespaces/:namespace/${plural}`
  const one = `${list}/:name`
  const itself = { $ref: `#/components/schemas/${kind}` }
  const lists = {
    code: 200,
    description: 'The list, or the events of a watch.',
    schema: { $ref: `#/components/schemas/${kind}List` },
  } as const
  const resource = { code: 200, description: 'The resource as it is now.', schema: itself } as const
  const body = { required: true, types: RESOURCE_TYPES, schema: itself }
  const as = (action: string) => ({
    extensions: { 'x-kubernetes-action': action, 'x-kubernetes-group-version-kind': { group, version, kind } },
  })
  const versions = { name: 'resourceVersion', description: 'Taken: the newest is told.', schema: TEXT }
  return [
    {
      ...{
        method: 'GET',
        path: all,
        id: `list${kind}ForAllNamespaces`,
        summary: `Lists or watches the ${plural} of all namespaces.`,
      },
      ...{ parameters: LIST, answer: lists, refusals: [...READ_REFUSALS, 410, 429], ...as('list') },
    },
    {
      ...{ method: 'GET', path: list, id: `list${kind}`, summary: `Lists or watches the ${plural} of a namespace.` },
      ...{ parameters: LIST, answer: lists, refusals: [...READ_REFUSALS, 410, 429], ...as('list') },
    },
    {
      ...{ method: 'POST', path: list, id: `create${kind}`, summary: `Creates a ${kind}.`, parameters: WRITE, body },
      ...{ answer: { ...resource, code: 201 }, refusals: WRITE_REFUSALS, ...as('post') },
    },
    {
      ...{ method: 'GET', path: one, id: `read${kind}`, summary: `Reads a ${kind}.` },
      ...{ parameters: [versions, WRITE[3]].filter(known => known !== undefined), answer: resource },
      ...{ refusals: [...READ_REFUSALS, 404], ...as('get') },
    },
    {
      ...{ method: 'PUT', path: one, id: `replace${kind}`, summary: `Replaces a ${kind}.`, parameters: WRITE, body },
      ...{ answer: resource, refusals: [...WRITE_REFUSALS, 404], ...as('put') },
    },
    {
      ...{ method: 'PATCH', path: one, id: `patch${kind}`, summary: `Changes parts of a ${kind}.` },
      parameters: [...WRITE, { name: 'force', description: 'Taken, and not looked at.', schema: TEXT }],
      // With strategic patches in here kubectl would look for merge keys in the schemas; without, it knows those of Service by itself.
      body: { required: true, types: [MERGE_PATCH], schema: { type: 'object' } },
      ...{ answer: resource, refusals: [...WRITE_REFUSALS, 404], ...as('patch') },
    },
    {
      ...{ method: 'DELETE', path: one, id: `delete${kind}`, summary: `Deletes a ${kind}.`, parameters: DELETE },
      body: {
        required: false,
        types: RESOURCE_TYPES,
        schema: { type: 'object', description: "Kubernetes' DeleteOptions." },
      },
      ...{
        answer: { ...resource, description: 'The resource as it was.' },
        refusals: [...WRITE_REFUSALS, 404],
        ...as('delete'),
      },
    },
  ]
}
