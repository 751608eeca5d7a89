import { stringify } from 'yaml'
import type { KindInfo } from '../../model/resources/mod.ts'
import { inputSchemaOf, type JsonSchema } from './schema.ts'

/** Keywords that a structural schema may have with the meaning that they have in JSON Schema. */
const KEPT = [
  'type',
  'description',
  'default',
  'enum',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'required',
] as const

/** Formats whose meaning the API server knows, so that zod's pattern for them is only noise. */
const FORMATS: ReadonlySet<string> = new Set(['ipv4', 'ipv6', 'date-time'])

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) of one of our own kinds, as YAML. */
export function crdOf({ kind, group, version, plural, schema }: KindInfo): string {
  const { properties = {}, description } = inputSchemaOf(schema)
  const { apiVersion, kind: kindField, metadata, ...own } = properties
  const openAPIV3Schema = {
    description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: metadataOf(metadata),
      ...Object.fromEntries(Object.entries(own).map(([name, field]) => [name, structural(field)])),
    },
  }
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          // Whoever writes a spec doesn't write what the control plane says of it.
          ...('status' in own ? { subresources: { status: {} } } : {}),
          schema: { openAPIV3Schema },
        },
      ],
    },
  }
  const head = '# Made by `npm run generate` from model/resources/. Do not edit.\n'
  return head + stringify(crd, { lineWidth: 0, aliasDuplicateObjects: false })
}

/** The API server owns `metadata`; of it a CRD may restrict the name alone. */
function metadataOf(metadata: JsonSchema | undefined): object {
  const name = metadata?.properties?.name
  return name === undefined ? { type: 'object' } : { type: 'object', properties: { name: structural(name) } }
}

/**
 * A structural schema: each level says its type, choices restrict values only, and fields that aren't known are left to the API
 * server, which prunes or (with strict validation, kubectl's default) refuses them.
 */
function structural(schema: JsonSchema): object {
  const { const: constant, properties, items, additionalProperties, anyOf, oneOf } = schema
  const out: Record<string, unknown> = {}
  const choices = anyOf ?? oneOf
  if (choices !== undefined) Object.assign(out, choiceOf(choices))
  for (const keyword of KEPT) if (schema[keyword] !== undefined) out[keyword] = schema[keyword]
  if (schema.format !== undefined && FORMATS.has(schema.format)) delete out.pattern
  if (constant !== undefined) out.enum = [constant]
  if (properties !== undefined) {
    out.properties = Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, structural(field)]))
  }
  if (items !== undefined) out.items = structural(items)
  if (typeof additionalProperties === 'object') out.additionalProperties = structural(additionalProperties)
  return out
}

/** Choices between values of one type: the type moves up, what tells them apart stays. */
function choiceOf(choices: readonly JsonSchema[]): object {
  const types = new Set(choices.map(choice => choice.type))
  const [type] = types
  if (types.size !== 1 || type === undefined || type === 'object' || type === 'array') {
    throw new Error(
      'Cannot make a structural schema: a choice between different types or objects needs a rule of its own here',
    )
  }
  const anyOf = choices.map(choice => {
    const { type: _, ...rest } = structural(choice) as Record<string, unknown>
    return rest
  })
  return { type, anyOf }
}
