import { z } from 'zod'
import { didYouMean } from '../../common/mod.ts'
import { dnsSubdomain, port } from './fields.ts'
import { headerName } from './http-route-match.ts'
import { object } from './object.ts'

const HEADERS_MAX = 16
const VALUE_CHARACTERS_MAX = 4096
const PATH_CHARACTERS_MAX = 1024
/** RFC 9110, 5.5, without obs-text. */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/
const REPLACEMENT_PATH = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$/

/** Fields that frame a message or belong to one hop: a route that changed them could make two programs read two different messages. */
const FRAMING_FIELDS = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const changeableName = headerName.superRefine((name, context) => {
  const lower = name.toLowerCase()
  if (FRAMING_FIELDS.has(lower))
    context.addIssue(`cannot be ${name}: it frames the message, which is the sidecar's work`)
  else if (lower === 'host') context.addIssue('cannot be Host: use a URLRewrite filter with hostname')
  else if (lower.startsWith('x-selvedge-'))
    context.addIssue('cannot begin with x-selvedge-: these are written by the mesh alone')
})

const headerValue = object({
  name: changeableName.describe('Without case.'),
  value: z
    .string()
    .min(1)
    .max(VALUE_CHARACTERS_MAX)
    .regex(FIELD_VALUE, 'must hold visible characters, spaces and tabs only')
    .describe('The new value.'),
})

const uniqueNames =
  (path: string) => (values: readonly { readonly name: string }[], context: z.core.$RefinementCtx) => {
    const seen = new Set<string>()
    for (const [index, { name }] of values.entries()) {
      const lower = name.toLowerCase()
      if (seen.has(lower))
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `is given twice in ${path}: ${name}` })
      seen.add(lower)
    }
  }

const headerModifier = object({
  set: z.array(headerValue).max(HEADERS_MAX).superRefine(uniqueNames('set')).optional().describe('Replace, or add.'),
  add: z
    .array(headerValue)
    .max(HEADERS_MAX)
    .superRefine(uniqueNames('add'))
    .optional()
    .describe('Add to what is there.'),
  remove: z.array(changeableName).max(HEADERS_MAX).optional().describe('Names of headers to remove.'),
})

const replacement = z
  .string()
  .max(PATH_CHARACTERS_MAX)
  .regex(REPLACEMENT_PATH, 'holds a character that no path has: percent-encode it')

const pathModifier = z
  .discriminatedUnion('type', [
    object({
      type: z.literal('ReplaceFullPath'),
      replaceFullPath: replacement
        .refine(text => text.startsWith('/'), 'must begin with "/"')
        .describe('The whole new path.'),
    }),
    object({
      type: z.literal('ReplacePrefixMatch'),
      replacePrefixMatch: replacement
        .refine(text => text === '' || text.startsWith('/'), 'must be empty or begin with "/"')
        .describe("Takes the place of what the rule's one PathPrefix match matched."),
    }),
  ])
  .describe('`ReplacePrefixMatch` needs a rule with exactly one match, of type PathPrefix.')

const requestRedirect = object({
  scheme: z.enum(['http', 'https']).optional().describe("Default: the request's."),
  hostname: dnsSubdomain.optional().describe("Default: the request's."),
  path: pathModifier.optional(),
  port: port.optional().describe("Default: the scheme's own port where a scheme is given, else the request's."),
  statusCode: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      error: 'must be one of 301, 302, 303, 307, 308',
    })
    .default(302)
    .describe('The status of the answer.'),
})

const urlRewrite = object({
  hostname: dnsSubdomain.optional().describe('The Host that the backend sees.'),
  path: pathModifier.optional(),
})

const FILTER_TYPES = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite']
const FILTERS_NOT_YET = ['RequestMirror', 'CORS', 'ExternalAuth', 'ExtensionRef']

export const httpRouteFilter = z.discriminatedUnion(
  'type',
  [
    object({
      type: z.literal('RequestHeaderModifier'),
      requestHeaderModifier: headerModifier.describe('Changes of what the backend sees.'),
    }),
    object({
      type: z.literal('ResponseHeaderModifier'),
      responseHeaderModifier: headerModifier.describe('Changes of what the caller sees.'),
    }),
    object({
      type: z.literal('RequestRedirect'),
      requestRedirect: requestRedirect.describe('The answer to the caller, instead of any backend.'),
    }),
    object({
      type: z.literal('URLRewrite'),
      urlRewrite: urlRewrite.describe('Another host or path for the backend.'),
    }),
  ],
  { error: issue => (issue.code === 'invalid_union' ? unknownFilter(issue.input) : undefined) },
)

function unknownFilter(filter: unknown): string {
  const type = typeof filter === 'object' && filter !== null && 'type' in filter ? filter.type : undefined
  const supported = `supported are ${FILTER_TYPES.join(', ')}`
  if (typeof type !== 'string') return `is missing: ${supported}`
  if (FILTERS_NOT_YET.includes(type)) return `is ${type}, which is not supported yet: ${supported}`
  return `is "${type}", which is unknown${didYouMean(type, FILTER_TYPES) || `: ${supported}`}`
}
