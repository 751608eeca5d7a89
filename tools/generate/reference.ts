import { stringify } from 'yaml'
import { KINDS, type KindInfo } from '../../model/resources/mod.ts'
import { inputSchemaOf, type JsonSchema } from './schema.ts'

interface Row {
  readonly path: string
  readonly schema: JsonSchema
  readonly required: boolean
}

const HEAD = `<!-- Made by \`npm run generate\` from model/resources/. Do not edit. -->
# Resources

What you write to tell the mesh what to do: the same text on Kubernetes and off it. Apply a file of them with \`selvedge apply -f FILE\`,
or let a sidecar read them with \`selvedge sidecar --config FILE\`.

- A file holds any number of YAML documents, or JSON; \`kind: List\` works too. It is applied as a whole or not at all.
- A field that is not listed here is refused, with its path and the nearest name that is known.
- \`[]\` in a path is an entry of a list. A duration is one to four numbers with units, as in \`250ms\`, \`10s\` or \`1h30m\` (GEP-2257).
- A regular expression has RE2's syntax (no look-around, no back-references), 1024 characters at most, and must match the whole value.
- Of two resources that want the same thing the older holds, then the first by \`namespace/name\`.
`

/** `docs/resources.md`: every kind, every field, with type, default and meaning. */
export function referenceOf(): string {
  const contents = KINDS.map(({ kind }) => `- [${kind}](#${kind.toLowerCase()})`).join('\n')
  const [any] = KINDS
  const metadata = any === undefined ? undefined : inputSchemaOf(any.schema).properties?.metadata
  const shared =
    metadata === undefined ? '' : `## metadata\n\nEvery kind has it.\n\n${tableOf(rowsOf(metadata, 'metadata'))}`
  return `${HEAD}\n${contents}\n\n${shared}\n${KINDS.map(sectionOf).join('\n')}`
}

function sectionOf({ kind, apiVersion, schema }: KindInfo): string {
  const { description = '', examples = [], properties = {} } = inputSchemaOf(schema)
  const { apiVersion: _, kind: __, metadata: ___, ...own } = properties
  const rows = Object.entries(own).flatMap(([name, field]) => {
    const inner = rowsOf(field, name)
    // Every kind has a spec; anything else beside it needs a word of its own.
    return name === 'spec' ? inner : [{ path: name, schema: field, required: false }, ...inner]
  })
  return `## ${kind}\n\n\`apiVersion: ${apiVersion}\`. ${description}\n\n${examples.map(exampleOf).join('')}${tableOf(rows)}`
}

function exampleOf(example: unknown): string {
  return `\`\`\`yaml\n${stringify(example, { compat: 'yaml-1.1' })}\`\`\`\n\n`
}

function rowsOf(schema: JsonSchema, path: string): Row[] {
  const { properties, required = [] } = flatten(schema)
  return Object.entries(properties ?? {}).flatMap(([name, field]) => {
    const own: Row = { path: `${path}.${name}`, schema: field, required: required.includes(name) }
    const [inner, innerPath] = innermost(field, own.path)
    return [own, ...rowsOf(inner, innerPath)]
  })
}

function innermost(schema: JsonSchema, path: string): readonly [JsonSchema, string] {
  return schema.items === undefined ? [schema, path] : innermost(schema.items, `${path}[]`)
}

/** Objects that are told apart by their `type` are shown as one, with all their fields. */
function flatten(schema: JsonSchema): JsonSchema {
  const choices = schema.oneOf ?? schema.anyOf
  if (choices === undefined || !choices.every(choice => choice.properties !== undefined)) return schema
  const properties: Record<string, JsonSchema> = {}
  const tags = new Map<string, (string | number)[]>()
  for (const choice of choices) {
    for (const [name, field] of Object.entries(choice.properties ?? {})) {
      properties[name] = field
      if (field.const !== undefined) tags.set(name, [...(tags.get(name) ?? []), field.const])
    }
  }
  for (const [name, values] of tags) properties[name] = { type: 'string', enum: values }
  return { properties, required: [...tags.keys()] }
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ path, schema, required }) => {
    const fallback = required ? 'required' : defaultOf(schema)
    return `| \`${path}\` | ${typeOf(schema)} | ${fallback} | ${cell(schema.description ?? '')} |`
  })
  return ['| field | type | default | meaning |', '| --- | --- | --- | --- |', ...lines, ''].join('\n')
}

function defaultOf(schema: JsonSchema): string {
  const { default: value } = schema
  if (value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)) return ''
  return value === '' ? 'empty' : `\`${cell(typeof value === 'string' ? value : JSON.stringify(value))}\``
}

function typeOf(schema: JsonSchema): string {
  const { type, title, items, additionalProperties, minimum, maximum } = schema
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map(value => `\`${value}\``).join(', ')
  const choices = schema.oneOf ?? schema.anyOf
  if (choices !== undefined) {
    const types = [...new Set(choices.map(typeOf))]
    return types.join(' or ')
  }
  if (title !== undefined) return title
  if (items !== undefined) return `list of ${typeOf(items)}`
  if (typeof additionalProperties === 'object') return `map to ${typeOf(additionalProperties)}`
  if (schema.format === 'ipv4' || schema.format === 'ipv6') return schema.format.replace('ipv', 'IPv')
  if (schema.format === 'date-time') return 'time (RFC 3339)'
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) {
    return `${type}, ${minimum} to ${maximum}`
  }
  return type ?? 'value'
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
