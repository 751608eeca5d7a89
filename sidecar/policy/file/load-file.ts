import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { err, ok, type Result, type ServiceKey, type TrustDomain, type WorkloadKey } from '../../../common/mod.ts'
import {
  addressOwners,
  compileEndpoints,
  compileSelf,
  compileService,
  type World,
  worldOf,
} from '../../../model/compile/mod.ts'
import { checkReferences, parseResources, type ResourceProblem } from '../../../model/resources/mod.ts'
import type { AddressOwner, EndpointsSnapshot, SelfSnapshot, ServiceSnapshot } from '../../../model/snapshot/mod.ts'

/** As many bytes as resources are read from; a larger file is not even opened. */
const FILE_BYTES_MAX = 4 * 1024 * 1024

export interface FileToLoad {
  readonly path: string
  /** Beside which workload of the file the sidecar stands. */
  readonly workload: WorkloadKey
  readonly trustDomain: TrustDomain
}

/** All that the workload may use, since in a file everything is known. */
export interface LoadedFile {
  /** The first digits of the text's SHA-256. */
  readonly revision: string
  readonly self: SelfSnapshot
  readonly services: ReadonlyMap<ServiceKey, ServiceSnapshot>
  readonly endpoints: ReadonlyMap<ServiceKey, EndpointsSnapshot>
  /** Whose each IP address of the file is. */
  readonly owners: ReadonlyMap<string, AddressOwner>
  /** References to nothing and the like: worth a line in the log, no reason to refuse. */
  readonly warnings: readonly ResourceProblem[]
}

/** How the problem of a file that could not even be read begins: it may be another moment's. */
export const NOT_READ = 'cannot be read: '

/** In bytes; 0 where there is no file. */
export function sizeOfFile(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

/** Reads and compiles the file once; the error holds every problem of it, to be printed with `formatProblem`. */
export function loadFile({ path, workload, trustDomain }: FileToLoad): Result<LoadedFile, readonly ResourceProblem[]> {
  const text = readText(path)
  if (!text.ok) return err([{ resource: path, path: '', message: text.error }])
  const resources = parseResources(text.value)
  if (!resources.ok) return resources
  const world = worldOf(resources.value)
  const self = compileSelf(world, workload, trustDomain)
  if (self === undefined) {
    const known = [...world.workloads.keys()].sort().slice(0, 20).join(', ') || 'none'
    return err([
      { resource: path, path: '', message: `holds no Workload ${workload}: the workloads in it are ${known}` },
    ])
  }
  return ok({
    revision: createHash('sha256').update(text.value).digest('hex').slice(0, 12),
    self,
    ...compileServices(world, self.namespace, trustDomain),
    owners: addressOwners(world),
    warnings: checkReferences(world, resources.value),
  })
}

function readText(path: string): Result<string, string> {
  try {
    const stats = statSync(path)
    if (!stats.isFile()) return err('is not a file')
    if (stats.size > FILE_BYTES_MAX) return err(`has ${stats.size} bytes: at most ${FILE_BYTES_MAX} are read`)
    return ok(readFileSync(path, 'utf8'))
  } catch (error) {
    return err(`${NOT_READ}${error instanceof Error ? error.message : String(error)}`)
  }
}

function compileServices(
  world: World,
  namespace: string,
  trustDomain: TrustDomain,
): Pick<LoadedFile, 'services' | 'endpoints'> {
  const services = new Map<ServiceKey, ServiceSnapshot>()
  const endpoints = new Map<ServiceKey, EndpointsSnapshot>()
  for (const key of world.services.keys()) {
    const service = compileService(world, namespace, key)
    const places = compileEndpoints(world, key, trustDomain)
    if (service !== undefined) services.set(key, service)
    if (places !== undefined) endpoints.set(key, places)
  }
  return { services, endpoints }
}
