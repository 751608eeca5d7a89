// What one sidecar may ask for. Its certificate makes it known, not trustworthy without measure.

/** The protocol that this control plane speaks. */
export const PROTOCOL_VERSION = 1
/** Services that one sidecar subscribes to. A sidecar drops old ones before it comes here; only a faulty one goes beyond. */
export const SUBSCRIPTIONS_MAX = 10_000
/** Resources that a sidecar may say it holds: its subscriptions and their backends, rules and endpoints each. */
export const HELD_MAX = 50_000
/** Between the stream's begin and Hello; Hello is the first thing that a sidecar sends. */
export const HELLO_TIMEOUT_MS = 5_000
/** Problems that are kept of one refusal; a person reads them. */
export const PROBLEMS_MAX = 100
/** Of each text in a problem, in characters. */
export const PROBLEM_TEXT_MAX = 1_000
/** Ports and labels of one workload, each. */
export const REGISTRATION_ENTRIES_MAX = 100
/** Of a program version, a zone, a label's name or value, an address: in characters. */
export const NAME_TEXT_MAX = 256
/** A Hello with `HELD_MAX` resources takes about 8 MiB. */
export const RECEIVED_BYTES_MAX = 16 * 1024 * 1024
