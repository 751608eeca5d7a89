import { z } from 'zod'
import type { DeepReadonly } from './deep-readonly.ts'
import { dnsLabel, labels, port } from './fields.ts'
import { labelMetadata } from './metadata.ts'
import { object } from './object.ts'

/** One machine runs them all. */
const REPLICAS_MAX = 64
const ARGUMENTS_MAX = 256
const ARGUMENT_BYTES_MAX = 16 * 1024
const ENVIRONMENT_MAX = 256

const argument = z
  .string()
  .max(ARGUMENT_BYTES_MAX)
  .refine(text => !text.includes('\0'), 'must not hold a NUL')

export const processSchema = object({
  apiVersion: z.literal('selvedge.dev/v1'),
  kind: z.literal('Process'),
  metadata: labelMetadata,
  spec: object({
    command: z
      .array(argument)
      .min(1)
      .max(ARGUMENTS_MAX)
      .describe('The program and its arguments; no shell reads them.'),
    service: dnsLabel
      .optional()
      .describe(
        'The Service that it answers for; made with port 80 where the file has none. Without it: a pure client.',
      ),
    port: port
      .optional()
      .describe('Where the program listens. Without it: a free port, told to the program as `PORT`.'),
    labels: labels.default({}).describe('Labels of its workloads, beside `app: <service>`.'),
    replicas: z.number().int().min(0).max(REPLICAS_MAX).default(1).describe('How many of it run.'),
    serviceAccount: dnsLabel.optional().describe("Who it is. Default: the service, else the Process's name."),
    env: z
      .record(
        z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not a name of a variable: use letters, digits and "_"'),
        argument,
      )
      .refine(value => Object.keys(value).length <= ENVIRONMENT_MAX, `has more than ${ENVIRONMENT_MAX} entries`)
      .default({})
      .describe('Environment variables, added to those of `selvedge up`.'),
    cwd: argument.optional().describe("Where it runs. A relative path is seen from the file's folder."),
  }).superRefine((spec, context) => {
    if (spec.port !== undefined && spec.replicas > 1) {
      const message = `cannot be ${spec.port} for ${spec.replicas} replicas on one machine: leave it out, and each gets a free one as PORT`
      context.addIssue({ code: 'custom', path: ['port'], message })
    }
  }),
}).meta({
  description: 'A program for `selvedge up` to run beside a sidecar of its own.',
  examples: [
    {
      apiVersion: 'selvedge.dev/v1',
      kind: 'Process',
      metadata: { name: 'catalog-v1', namespace: 'bookshop' },
      spec: {
        command: ['node', 'catalog.js'],
        service: 'catalog',
        labels: { version: 'v1' },
        replicas: 2,
        env: { LOG: 'info' },
      },
    },
  ],
})

export type ProcessResource = DeepReadonly<z.output<typeof processSchema>>
