import { z } from 'zod'
import type { DeepReadonly } from './deep-readonly.ts'
import { annotations, dnsLabel, dnsSubdomain, labels } from './fields.ts'
import { object } from './object.ts'

export const DEFAULT_NAMESPACE = 'default'

function metadataWith<Name extends z.ZodType<string>>(name: Name) {
  return object({
    name: name.describe('Unique among the resources of its kind in its namespace.'),
    namespace: dnsLabel.default(DEFAULT_NAMESPACE).describe('Where the resource lives.'),
    labels: labels.default({}).describe('What selectors look at.'),
    annotations: annotations.optional().describe('Notes for people and tools; the mesh does not read them.'),
    resourceVersion: z
      .string()
      .max(64)
      .optional()
      .describe('Set by the server. Given back on a write, it makes the write fail when somebody else was faster.'),
    uid: z.string().max(64).optional().describe('Set by the server.'),
    creationTimestamp: z.iso
      .datetime({ offset: true, error: 'must be a time as in 2026-01-31T12:00:00Z' })
      .optional()
      .describe('Set by the server. Of two routes that match equally well the older wins.'),
    generation: z.number().int().min(0).optional().describe('Set by the server: counts changes of the spec.'),
  })
}

/** For kinds whose name is part of a key or of a host name. */
export const labelMetadata = metadataWith(dnsLabel)
/** For all other kinds. */
export const metadata = metadataWith(dnsSubdomain)

export type ResourceMetadata = DeepReadonly<z.output<typeof metadata>>
