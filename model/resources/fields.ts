import { z } from 'zod'
import { parseCollectorEndpoint } from '../../common/mod.ts'

// Fields that more than one kind has. Each reads after its path as a sentence: "spec.ports[0].port must be ...".

/** RFC 1123, a label: what may be part of a host name. */
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** RFC 1123, several labels with dots: what the Kubernetes API takes as a name. */
const DNS_SUBDOMAIN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/
/** Kubernetes, "IANA service name": what a port may be called. */
const PORT_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
/** GEP-2257. */
const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/
/** Kubernetes, labels: an optional prefix (a DNS name and "/"), then 63 characters. */
const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/
/** More labels than this on one resource are a mistake. */
const LABELS_MAX = 64
/** The Kubernetes API's bound for all annotations of a resource together is 256 KiB; one value may take a quarter of it. */
const ANNOTATION_BYTES_MAX = 64 * 1024

export const dnsLabel = z
  .string()
  .regex(DNS_LABEL, 'must be 1 to 63 of a-z, 0-9 and "-", and begin and end with a letter or digit')
  .meta({ title: 'name' })
export const dnsSubdomain = z
  .string()
  .max(253)
  .regex(DNS_SUBDOMAIN, 'must be a DNS name: labels of a-z, 0-9 and "-", joined by dots, in lower case')
  .meta({ title: 'DNS name' })
export const portName = z.string().regex(PORT_NAME, 'must be 1 to 63 of a-z, 0-9 and "-"').meta({ title: 'name' })
export const port = z.number().int().min(1).max(65_535).meta({ title: 'port' })
export const percent = z.number().min(0).max(100).meta({ title: 'percent' })
export const duration = z
  .string()
  .regex(DURATION, 'must be a duration: numbers with units h, m, s or ms, as in 250ms, 10s or 1h30m')
  .meta({ title: 'duration' })
export const positiveDuration = duration.refine(text => /[1-9]/.test(text), 'must be longer than nothing')
/** Says that nothing is exported, where a policy above would. */
export const NO_COLLECTOR = 'none'
export const collectorEndpoint = z
  .string()
  .superRefine((text, context) => {
    if (text === NO_COLLECTOR) return
    const parsed = parseCollectorEndpoint(text)
    if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.error })
  })
  .meta({ title: 'URL' })
/** Stands for every protocol that is switched to. */
export const ANY_UPGRADE = '*'
/** RFC 9110, 7.8: a token, and a version where the protocol has one. */
const UPGRADE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}(\/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})?$/
/** One service switches to one protocol, rarely two. */
const UPGRADES_MAX = 16
/** The protocols that a connection, or a stream, may be switched to. */
export const upgrades = z
  .array(z.string().regex(UPGRADE, 'must be the name of a protocol, as in `Upgrade: websocket`, or "*"'))
  .max(UPGRADES_MAX)
/** As many of something as a breaker may be told to count. */
export const countMax = z.number().int().min(1).max(1_000_000)

const labelKey = z
  .string()
  .max(317)
  .regex(LABEL_KEY, 'is not a label: use at most 63 of A-Z, a-z, 0-9, "-", "_" and "."')
const labelValue = z
  .string()
  .regex(LABEL_VALUE, 'is not a label value: use at most 63 of A-Z, a-z, 0-9, "-", "_" and "."')

export const labels = z
  .record(labelKey, labelValue)
  .refine(value => Object.keys(value).length <= LABELS_MAX, `has more than ${LABELS_MAX} entries`)
export const annotations = z.record(labelKey, z.string().max(ANNOTATION_BYTES_MAX))

export const appProtocol = z.enum(['http', 'http2', 'grpc', 'tcp', 'detect'])
