import { z } from 'zod'

// The objects of OpenAPI 3.0.3, each with the fields that the specification gives it and no others:
// https://spec.openapis.org/oas/v3.0.3. Of what this API doesn't use (callbacks, links, XML, OAuth) nothing is taken.

const extensions = /^x-/

/** A strict object that takes specification extensions (`x-...`) beside its own fields. */
function fixed<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = z.strictObject(shape)
  return z.preprocess(value => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(Object.entries(value).filter(([name]) => !extensions.test(name)))
  }, known)
}

const reference = z.strictObject({ $ref: z.string().regex(/^#\/components\/(schemas|responses)\/[A-Za-z0-9._-]+$/) })
const text = z.string().min(1)

const schema: z.ZodType = z.lazy(() =>
  z.union([
    reference,
    fixed({
      type: z.enum(['string', 'number', 'integer', 'boolean', 'array', 'object']).optional(),
      ...{ title: text.optional(), description: text.optional(), format: text.optional(), pattern: text.optional() },
      ...{ default: z.json().optional(), example: z.json().optional(), nullable: z.boolean().optional() },
      enum: z.array(z.json()).min(1).optional(),
      required: z.array(text).min(1).optional(),
      ...{ minimum: z.number().optional(), maximum: z.number().optional(), multipleOf: z.number().optional() },
      ...{ exclusiveMinimum: z.boolean().optional(), exclusiveMaximum: z.boolean().optional() },
      ...{ minLength: z.int().optional(), maxLength: z.int().optional() },
      ...{ minItems: z.int().optional(), maxItems: z.int().optional(), uniqueItems: z.boolean().optional() },
      ...{ minProperties: z.int().optional(), maxProperties: z.int().optional() },
      properties: z.record(text, schema).optional(),
      additionalProperties: z.union([z.boolean(), schema]).optional(),
      items: schema.optional(),
      ...{ allOf: z.array(schema).optional(), anyOf: z.array(schema).optional(), oneOf: z.array(schema).optional() },
      not: schema.optional(),
    }),
  ]),
)

const content = z.record(z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/), fixed({ schema }))
const response = z.union([reference, fixed({ description: text, content: content.optional() })])

const parameter = z.union([
  fixed({ name: text, in: z.literal('path'), required: z.literal(true), description: text.optional(), schema }),
  fixed({ name: text, in: z.literal('query'), required: z.boolean().optional(), description: text.optional(), schema }),
])

const operation = fixed({
  operationId: text,
  summary: text,
  security: z.array(z.record(text, z.array(text))).optional(),
  parameters: z.array(parameter).min(1).optional(),
  requestBody: fixed({ required: z.boolean().optional(), description: text.optional(), content }).optional(),
  responses: z.record(z.string().regex(/^([1-5][0-9]{2}|default)$/), response),
})

export const openApi3 = fixed({
  openapi: z.string().regex(/^3\.0\.\d+$/),
  info: fixed({
    title: text,
    version: text,
    description: text.optional(),
    license: fixed({ name: text, url: z.url().optional() }).optional(),
  }),
  servers: z.array(fixed({ url: text })).optional(),
  security: z.array(z.record(text, z.array(text))),
  paths: z.record(
    z.string().startsWith('/'),
    fixed({
      ...{ get: operation.optional(), post: operation.optional(), put: operation.optional() },
      ...{ patch: operation.optional(), delete: operation.optional() },
    }),
  ),
  components: fixed({
    securitySchemes: z.record(text, fixed({ type: z.literal('http'), scheme: z.literal('bearer') })),
    schemas: z.record(z.string().regex(/^[A-Za-z0-9._-]+$/), schema),
    responses: z.record(z.string().regex(/^[A-Za-z0-9._-]+$/), response),
  }),
})
