import type { OpenApiSchema } from '../../model/resources/mod.ts'
import { RESOURCE_TYPES } from './body.ts'
import { DRY_RUN, type Operation, TEXT, WHOLE, WRITE_REFUSALS, YES_OR_NO } from './open-api-kinds.ts'

const MESH = '/apis/selvedge.dev/v1'
const READ = [400, 401] as const

const object = (properties: Record<string, OpenApiSchema>): OpenApiSchema => ({ type: 'object', properties })
const list = (items: OpenApiSchema): OpenApiSchema => ({ type: 'array', items })
const NUMBER: OpenApiSchema = { type: 'number' }
const YES: OpenApiSchema = { type: 'boolean' }
const ANYTHING: OpenApiSchema = { type: 'object' }
const answer = (description: string, schema: OpenApiSchema) => ({ code: 200, description, schema }) as const
const jsonBody = (schema: OpenApiSchema) => ({ required: true, types: ['application/json'], schema })

const WRITTEN = object({
  revision: WHOLE,
  results: list(object({ resource: TEXT, action: TEXT })),
  warnings: list(TEXT),
})
const PROBLEM = object({ resource: TEXT, field: TEXT, message: TEXT })
const API_TOKEN = {
  id: TEXT,
  name: TEXT,
  role: { type: 'string', enum: ['read', 'write'] },
  created: TEXT,
  expires: TEXT,
}

const JOIN_TOKEN = { id: TEXT, serviceAccount: TEXT, usesLeft: WHOLE, created: TEXT, expires: TEXT }

const SIDECAR = object({
  ...{ workload: TEXT, spiffeId: TEXT, connected: YES, since: NUMBER, programVersion: TEXT },
  ...{ ackedRevision: WHOLE, pendingRevision: { ...WHOLE, nullable: true }, certificateNotAfter: NUMBER },
  lastNack: { ...object({ revision: WHOLE, at: NUMBER, problems: list(PROBLEM) }), nullable: true },
  subscriptions: list(TEXT),
})

const AUDIT_RECORD = object({
  ...{
    id: WHOLE,
    at: { type: 'string', format: 'date-time' },
    actor: TEXT,
    action: TEXT,
    subject: TEXT,
    revision: WHOLE,
  },
  ...{ before: { ...ANYTHING, nullable: true }, after: { ...ANYTHING, nullable: true } },
})

/** What there is beside the kinds. */
export const MESH_OPERATIONS: readonly Operation[] = [
  ...(['healthz', 'readyz'] as const).map(
    (name): Operation => ({
      ...{ method: 'GET', path: `/${name}`, id: name, summary: 'For probes.', open: true },
      ...{ answer: answer('Well.', object({ status: TEXT })), refusals: name === 'readyz' ? [503] : [] },
    }),
  ),
  {
    ...{ method: 'POST', path: `${MESH}/apply`, id: 'apply', summary: 'Writes many resources in one step, or none.' },
    parameters: [
      DRY_RUN,
      { name: 'fieldManager', description: 'Taken, and not looked at.', schema: TEXT },
      { name: 'fieldValidation', description: 'Taken; unknown fields are always refused.', schema: TEXT },
      { name: 'pretty', description: 'Taken, and not looked at.', schema: TEXT },
    ],
    body: { required: true, types: RESOURCE_TYPES, schema: object({ resources: list(ANYTHING) }) },
    ...{ answer: answer('What became of each.', WRITTEN), refusals: WRITE_REFUSALS },
  },
  {
    ...{
      method: 'POST',
      path: `${MESH}/delete`,
      id: 'deleteMany',
      summary: 'Deletes many resources in one step, or none.',
    },
    parameters: [DRY_RUN],
    body: jsonBody(object({ resources: list(object({ apiVersion: TEXT, kind: TEXT, namespace: TEXT, name: TEXT })) })),
    ...{ answer: answer('What became of each.', WRITTEN), refusals: WRITE_REFUSALS },
  },
  {
    ...{
      method: 'POST',
      path: `${MESH}/rollback`,
      id: 'rollback',
      summary: 'Makes what one revision changed as it was before.',
    },
    parameters: [DRY_RUN],
    body: jsonBody(object({ revision: WHOLE, resource: TEXT, force: YES })),
    ...{ answer: answer('What became of each.', WRITTEN), refusals: [...WRITE_REFUSALS, 404] },
  },
  {
    ...{
      method: 'GET',
      path: `${MESH}/audit`,
      id: 'audit',
      summary: 'Who did what, when, with before and after; the newest first.',
    },
    parameters: [
      {
        name: 'limit',
        description: 'The most that one answer holds.',
        schema: { type: 'integer', minimum: 1, maximum: 1000 },
      },
      { name: 'continue', description: 'The next page, as the page before has given it.', schema: TEXT },
      { name: 'subject', description: '`HTTPRoute bookshop/canary`: of this one alone.', schema: TEXT },
      { name: 'revision', description: 'Of this revision alone.', schema: WHOLE },
    ],
    answer: answer('Records.', object({ kind: TEXT, metadata: object({ continue: TEXT }), items: list(AUDIT_RECORD) })),
    refusals: READ,
  },
  {
    ...{ method: 'GET', path: `${MESH}/fleet`, id: 'fleet', summary: 'The sidecars, and what each has acknowledged.' },
    ...{ answer: answer('The sidecars.', object({ revision: WHOLE, sidecars: list(SIDECAR) })), refusals: READ },
  },
  {
    ...{
      method: 'GET',
      path: `${MESH}/fleet/wait`,
      id: 'wait',
      summary: 'Answers when a revision has arrived everywhere.',
    },
    parameters: [
      { name: 'revision', description: 'Default: the newest.', schema: WHOLE },
      { name: 'timeoutMs', description: 'How long to wait.', schema: WHOLE },
    ],
    answer: answer(
      'Who has it, and who has not.',
      object({
        live: WHOLE,
        of: WHOLE,
        elapsedMs: NUMBER,
        pending: list(TEXT),
        nacks: list(object({ workload: TEXT, problems: list(PROBLEM) })),
      }),
    ),
    refusals: READ,
  },
  {
    ...{
      method: 'GET',
      path: `${MESH}/guard`,
      id: 'guard',
      summary: 'What is held back: it vanished, and nobody deleted it.',
    },
    ...{ answer: answer('The alarms.', object({ alarms: list(ANYTHING) })), refusals: READ },
  },
  {
    ...{ method: 'POST', path: `${MESH}/guard/release`, id: 'releaseGuard', summary: 'Lets what is held back go.' },
    ...{
      answer: answer('The alarms that were.', object({ released: list(ANYTHING) })),
      refusals: [400, 401, 403, 503],
    },
  },
  {
    ...{ method: 'GET', path: `${MESH}/graph`, id: 'graph', summary: 'Who calls whom.' },
    parameters: [{ name: 'windowMs', description: 'Over how long; 0: since the start.', schema: WHOLE }],
    ...{ answer: answer('The edges.', object({ windowMs: WHOLE, edges: list(ANYTHING) })), refusals: READ },
  },
  {
    ...{ method: 'GET', path: `${MESH}/traces`, id: 'traces', summary: 'Requests across all sidecars.' },
    parameters: [
      { name: 'slow', description: 'The slowest first.', schema: YES_OR_NO },
      { name: 'limit', description: 'How many.', schema: { type: 'integer', minimum: 1, maximum: 1000 } },
    ],
    ...{ answer: answer('The requests.', object({ traces: list(ANYTHING) })), refusals: READ },
  },
  {
    ...{ method: 'GET', path: `${MESH}/traces/:id`, id: 'trace', summary: 'One request with its spans.' },
    ...{ answer: answer('The request.', object({ traceId: TEXT, spans: list(ANYTHING) })), refusals: [...READ, 404] },
  },
  {
    ...{
      method: 'POST',
      path: `${MESH}/tokens`,
      id: 'createJoinToken',
      summary: 'Makes a token with which sidecars join.',
    },
    body: jsonBody(object({ serviceAccount: TEXT, uses: WHOLE, ttlMs: NUMBER })),
    answer: { code: 201, description: 'It is shown once.', schema: object({ id: TEXT, token: TEXT, expires: TEXT }) },
    refusals: WRITE_REFUSALS,
  },
  {
    ...{ method: 'GET', path: `${MESH}/tokens`, id: 'listJoinTokens', summary: 'The join tokens that hold.' },
    ...{ answer: answer('Without their secrets.', object({ tokens: list(object(JOIN_TOKEN)) })), refusals: READ },
  },
  {
    ...{ method: 'DELETE', path: `${MESH}/tokens/:id`, id: 'revokeJoinToken', summary: 'Revokes a join token.' },
    ...{ answer: answer('The token that no longer holds.', object(JOIN_TOKEN)), refusals: [400, 401, 403, 404, 503] },
  },
  {
    ...{ method: 'POST', path: `${MESH}/apitokens`, id: 'createApiToken', summary: 'Makes a token for this API.' },
    body: jsonBody({ ...object({ name: TEXT, role: API_TOKEN.role, ttlMs: NUMBER }), required: ['name', 'role'] }),
    answer: { code: 201, description: 'It is shown once.', schema: object({ token: TEXT, ...API_TOKEN }) },
    refusals: WRITE_REFUSALS,
  },
  {
    ...{ method: 'GET', path: `${MESH}/apitokens`, id: 'listApiTokens', summary: 'The tokens of this API that hold.' },
    ...{ answer: answer('Without their secrets.', object({ tokens: list(object(API_TOKEN)) })), refusals: READ },
  },
  {
    ...{
      method: 'DELETE',
      path: `${MESH}/apitokens/:id`,
      id: 'revokeApiToken',
      summary: 'Revokes a token of this API.',
    },
    ...{ answer: answer('The token that no longer holds.', object(API_TOKEN)), refusals: [400, 401, 403, 404, 503] },
  },
  {
    ...{ method: 'GET', path: `${MESH}/info`, id: 'info', summary: 'What a client needs to know.' },
    answer: answer(
      'The mesh.',
      object({ version: TEXT, trustDomain: TEXT, enrolment: TEXT, discovery: TEXT, revision: WHOLE }),
    ),
    refusals: READ,
  },
]
