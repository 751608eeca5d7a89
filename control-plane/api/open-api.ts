import { ok } from '../../common/mod.ts'
import { KINDS, type KindInfo, type OpenApiSchema, openApiSchemaOf } from '../../model/resources/mod.ts'
import { type Operation, operationsOf } from './open-api-kinds.ts'
import { MESH_OPERATIONS } from './open-api-mesh.ts'
import { rootOf } from './resources.ts'
import type { Route } from './router.ts'
import { REASONS } from './status.ts'

/**
 * The API, described by itself (OpenAPI 3.0.3): all of it at `/openapi.json`; and as Kubernetes has it, an index at `/openapi/v3` with a
 * document for each group and version, which is where kubectl looks. The schemas of kinds are derived from those that check them.
 */
export function openApiRoutes(version: () => string): Route[] {
  const roots = [...new Set(KINDS.map(rootOf))]
  const index = {
    paths: Object.fromEntries(roots.map(root => [root.slice(1), { serverRelativeURL: `/openapi/v3${root}` }])),
  }
  // Made when somebody asks first: a control plane's start need not wait for it.
  const documents = new Map<string, object>()
  const document = (name: string, kinds: readonly KindInfo[], more: readonly Operation[]): object => {
    const made = documents.get(name) ?? documentOf(kinds, more, version())
    documents.set(name, made)
    return made
  }
  const told = (path: string, value: () => object): Route => ({
    method: 'GET',
    path,
    answer: async () => ok({ code: 200, value: value() }),
  })
  return [
    told('/openapi.json', () => document('', KINDS, MESH_OPERATIONS)),
    told('/openapi/v3', () => index),
    ...roots.map(root => {
      const kinds = KINDS.filter(info => rootOf(info) === root)
      const more = MESH_OPERATIONS.filter(({ path }) => path.startsWith(`${root}/`))
      return told(`/openapi/v3${root}`, () => document(root, kinds, more))
    }),
  ]
}

function documentOf(kinds: readonly KindInfo[], more: readonly Operation[], version: string): object {
  const operations = [...kinds.flatMap(operationsOf), ...more]
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { method, path, ...operation } of operations) {
    const template = path.replaceAll(/:(\w+)/g, '{$1}')
    paths[template] = { ...paths[template], [method.toLowerCase()]: operationObject(path, operation) }
  }
  return {
    openapi: '3.0.3',
    info: {
      title: 'Selvedge control plane',
      version,
      description: 'REST, shaped like the Kubernetes API.',
      license: { name: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: {
        ...Object.fromEntries(kinds.flatMap(schemasOf)),
        Status: STATUS,
      },
      responses: Object.fromEntries(
        Object.entries(REASONS).map(([code, reason]) => [
          reason,
          { description: REFUSALS[code] ?? reason, content: jsonOf({ $ref: '#/components/schemas/Status' }) },
        ]),
      ),
    },
  }
}

function operationObject(path: string, operation: Omit<Operation, 'method' | 'path'>): object {
  const { id, summary, parameters = [], body, answer, refusals, open, extensions } = operation
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = parameters.map(({ name, description, schema }) => ({ name, in: 'query', description, schema }))
  const refused = Object.fromEntries(
    refusals.map(code => [String(code), { $ref: `#/components/responses/${REASONS[code]}` }]),
  )
  return {
    operationId: id,
    summary,
    ...(open === true ? { security: [] } : {}),
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.required, content: contentOf(body.types, body.schema) } }),
    responses: {
      [String(answer.code)]: { description: answer.description, content: jsonOf(answer.schema) },
      ...(answer.code === 201 ? { '200': { description: answer.description, content: jsonOf(answer.schema) } } : {}),
      ...refused,
    },
    ...extensions,
  }
}

/** The kind, and a list of it, by the names that kubectl knows them by. */
function schemasOf(info: KindInfo): [string, OpenApiSchema][] {
  const { group, version, kind } = info
  const gvk = (name: string) => ({ 'x-kubernetes-group-version-kind': [{ group, version, kind: name }] })
  const list = {
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string', enum: [`${kind}List`] },
      metadata: LIST_METADATA,
      items: { type: 'array', items: { $ref: `#/components/schemas/${kind}` } },
    },
    ...gvk(`${kind}List`),
  }
  return [
    [kind, { ...openApiSchemaOf(info), ...gvk(kind) }],
    [`${kind}List`, list],
  ]
}

const LIST_METADATA = {
  type: 'object',
  properties: {
    resourceVersion: { type: 'string', description: 'The revision that the list shows: watch from it.' },
    continue: { type: 'string', description: 'Hands the next page; left out on the last.' },
    remainingItemCount: { type: 'integer' },
  },
}

const STATUS: OpenApiSchema = {
  type: 'object',
  required: ['kind', 'apiVersion', 'status', 'message', 'reason', 'code'],
  properties: {
    kind: { type: 'string', enum: ['Status'] },
    apiVersion: { type: 'string', enum: ['v1'] },
    metadata: { type: 'object' },
    status: { type: 'string', enum: ['Failure'] },
    message: {
      type: 'string',
      description: 'One sentence for people: what could not be done, why, and what to do next.',
    },
    reason: { type: 'string', enum: Object.values(REASONS) },
    code: { type: 'integer' },
    details: {
      type: 'object',
      properties: {
        currentResourceVersion: { type: 'string', description: 'For a 409: the version that is there now.' },
        causes: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              reason: { type: 'string' },
              resource: { type: 'string', description: '`HTTPRoute bookshop/canary`' },
              field: { type: 'string', description: '`spec.rules[0].matches[0].path.value`' },
              message: { type: 'string' },
            },
          },
        },
      },
    },
  },
}

const REFUSALS: Readonly<Record<string, string>> = {
  400: 'A parameter or a body that cannot be read.',
  401: 'The token is missing, wrong or expired.',
  403: 'The token is read-only.',
  404: 'No such path or resource.',
  405: 'No such method there; `Allow` tells which.',
  409: 'Somebody else was faster, or it is there already.',
  410: 'What was asked about is too long ago: begin anew.',
  413: 'A body that is too large.',
  415: 'A body of another type.',
  422: 'A resource that cannot be: every fault is told.',
  429: 'Too many at one time.',
  500: 'A fault of the control plane.',
  503: 'The store takes no writes; reads go on.',
}

function jsonOf(schema: OpenApiSchema): object {
  return contentOf(['application/json'], schema)
}

function contentOf(types: readonly string[], schema: OpenApiSchema): object {
  return Object.fromEntries(types.map(type => [type, { schema }]))
}
