import { z } from 'zod'
import type { KindInfo } from './kinds.ts'

/** A Schema Object of OpenAPI 3.0.3, as JSON. */
export type OpenApiSchema = Readonly<Record<string, unknown>>

/** What a Schema Object may hold beside those that hold schemas. https://spec.openapis.org/oas/v3.0.3#schema-object */
const KEPT: ReadonlySet<string> = new Set([
  ...['type', 'title', 'description', 'format', 'pattern', 'default', 'enum', 'nullable', 'required'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minLength', 'maxLength', 'minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties'],
])
const LISTS: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf'])

/** What a user may write of a kind, before defaults are filled in. Derived from the schema that checks it. */
export function openApiSchemaOf(info: KindInfo): OpenApiSchema {
  return schemaObject(z.toJSONSchema(info.schema, { target: 'openapi-3.0', io: 'input' }))
}

/** zod hands on what it was given beside the standard's own keywords, such as JSON Schema's `examples`. */
function schemaObject(value: unknown): OpenApiSchema {
  const kept: [string, unknown][] = []
  for (const [name, inner] of Object.entries(value as OpenApiSchema)) {
    if (KEPT.has(name)) kept.push([name, inner])
    else if (LISTS.has(name)) kept.push([name, (inner as readonly unknown[]).map(schemaObject)])
    else if (name === 'items' || name === 'not') kept.push([name, schemaObject(inner)])
    else if (name === 'additionalProperties')
      kept.push([name, typeof inner === 'boolean' ? inner : schemaObject(inner)])
    else if (name === 'properties') kept.push([name, propertiesOf(inner as OpenApiSchema)])
    else if (name === 'examples') kept.push(['example', (inner as readonly unknown[])[0]])
  }
  return Object.fromEntries(kept)
}

function propertiesOf(properties: OpenApiSchema): OpenApiSchema {
  return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, schemaObject(inner)]))
}
