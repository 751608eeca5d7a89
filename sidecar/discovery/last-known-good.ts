import { createHash } from 'node:crypto'
import { readPrivateFile, writePrivateFile } from '../../common/folders/mod.ts'
import { err, ok, parseServiceKey, type Result, type ServiceKey, type WorkloadKey } from '../../common/mod.ts'
import type { EndpointsSnapshot, SelfSnapshot, ServiceSnapshot } from '../../model/snapshot/mod.ts'
import type { HeldResource } from './interest.ts'
import type { VersionedUpdate } from './messages.ts'

/** The file in the state folder. It holds no secret: what the control plane said, and nothing of the sidecar's own. */
export const LAST_KNOWN_GOOD_FILE = 'last-known-good.ndjson'
/** Goes up with each change of the snapshots' types that an older or newer program would misread. */
const FORMAT = 3
/** Ten thousand services with ten endpoints each have about 30 MiB. A sidecar that holds more starts without. */
const FILE_BYTES_MAX = 64 * 1024 * 1024
/** Lines that are made in one turn of the event loop: requests are waiting meanwhile. */
const LINES_A_CHUNK = 50

/** What a sidecar holds, as it is kept for its next life. */
export interface Holdings {
  readonly workload: WorkloadKey
  readonly revision: string
  readonly subscriptions: readonly ServiceKey[]
  readonly held: ReadonlyMap<string, HeldResource>
}

/** What a former life has left. */
export interface LastKnownGood {
  readonly update: VersionedUpdate
  readonly subscriptions: readonly ServiceKey[]
  /** Unix time in milliseconds. */
  readonly savedMs: number
}

interface Head {
  readonly selvedge: 'last-known-good'
  readonly format: number
  readonly workload: string
  readonly savedMs: number
  readonly revision: string
  readonly subscriptions: readonly string[]
}

/**
 * Writes one line of JSON for each resource between a head and a checksum: whole or not at all. What is known not to exist is left
 * out: it costs one question to learn again.
 */
export function writeLastKnownGood(path: string, holdings: Holdings, wallMs: number): Promise<Result<void, string>> {
  return writePrivateFile(path, chunksOf(holdings, wallMs))
}

function* chunksOf({ workload, revision, subscriptions, held }: Holdings, savedMs: number): Generator<string> {
  const hash = createHash('sha256')
  const head: Head = { selvedge: 'last-known-good', format: FORMAT, workload, savedMs, revision, subscriptions }
  let lines = `${JSON.stringify(head)}\n`
  let bytes = 0
  let count = 0
  const chunk = (): string => {
    const full = lines
    lines = ''
    hash.update(full)
    bytes += Buffer.byteLength(full)
    if (bytes > FILE_BYTES_MAX) throw new Error(`it would have more than ${FILE_BYTES_MAX} bytes`)
    return full
  }
  // What changes while the turns go by is news for the next time.
  for (const [name, { version, content }] of [...held]) {
    if (content === undefined) continue
    lines += `${JSON.stringify({ name, version, content })}\n`
    if (++count % LINES_A_CHUNK === 0) yield chunk()
  }
  yield chunk()
  yield `${JSON.stringify({ sha256: hash.digest('hex') })}\n`
}

/** `undefined` where nothing is kept. An error says why what is kept can't be used. */
export function readLastKnownGood(path: string, workload: WorkloadKey): Result<LastKnownGood | undefined, string> {
  const file = readPrivateFile(path, FILE_BYTES_MAX + 1024)
  if (!file.ok || file.value === undefined) return file.ok ? ok(undefined) : file
  const read = readText(file.value, workload)
  return read.ok ? read : err(`Cannot use ${path}: ${read.error}`)
}

function readText(bytes: Buffer, workload: WorkloadKey): Result<LastKnownGood, string> {
  const end = bytes.lastIndexOf('\n', -2) + 1
  const body = bytes.subarray(0, end)
  const sha256 = createHash('sha256').update(body).digest('hex')
  if (bytes.subarray(end).toString('utf8') !== `${JSON.stringify({ sha256 })}\n`) return err('it is damaged')
  // From here on, it is what this program or another version of it wrote.
  const [first = '', ...lines] = body.toString('utf8').trimEnd().split('\n')
  const head = JSON.parse(first) as Head
  if (head.format !== FORMAT) return err(`it is of format ${head.format}, and this program reads ${FORMAT}`)
  if (head.workload !== workload) return err(`it is of ${head.workload}`)
  const services: ServiceSnapshot[] = []
  const endpoints: EndpointsSnapshot[] = []
  const versions = new Map<string, string>()
  let self: SelfSnapshot | undefined
  for (const line of lines) {
    const { name, version, content } = JSON.parse(line) as { name: string; version: string; content: unknown }
    versions.set(name, version)
    if (name === 'self') self = content as SelfSnapshot
    else if (name.startsWith('service/')) services.push(content as ServiceSnapshot)
    else if (name.startsWith('endpoints/')) endpoints.push(content as EndpointsSnapshot)
  }
  if (self === undefined) return err('it does not say who this sidecar is')
  const subscriptions = head.subscriptions.flatMap(name => {
    const key = parseServiceKey(name)
    return key.ok ? [key.value] : []
  })
  const update = { revision: head.revision, self, services, endpoints, absent: [] }
  return ok({ update: { update, versions }, subscriptions, savedMs: head.savedMs })
}
