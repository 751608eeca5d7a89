import { z } from 'zod'

/** As much of JSON Schema (2020-12) as our kinds come out as. */
export interface JsonSchema {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly const?: string | number
  readonly enum?: readonly (string | number)[]
  readonly pattern?: string
  readonly format?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly items?: JsonSchema
  readonly additionalProperties?: boolean | JsonSchema
  readonly propertyNames?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** What a user may write, before defaults are filled in. */
export function inputSchemaOf(schema: z.ZodType): JsonSchema {
  // zod writes draft 2020-12; the interface above names the part of it that we read.
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema
}
