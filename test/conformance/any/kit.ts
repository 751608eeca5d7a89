import { type Mesh, type SidecarUnderTest, startMesh } from '../../in-process/mesh.ts'
import { type Resource, service, workload } from '../../in-process/resources.ts'
import { type AnyApplication, startApplication, type Version } from './applications.ts'
import { type Caller, callerOf } from './callers.ts'

/** Where an application is reached: behind a sidecar of its own, or without one. */
export type Place = 'mesh' | 'plain'

export interface Target {
  readonly authority: string
  readonly place: Place
  readonly application: AnyApplication
}

/** One caller's sidecar, and applications of both versions, each with a sidecar and without. */
export interface AnyMesh {
  readonly mesh: Mesh
  readonly web: SidecarUnderTest
  /** The sidecars of the applications in the mesh, by what these speak. */
  readonly beside: Readonly<Record<Version, SidecarUnderTest>>
  readonly callers: Readonly<Record<Version, Caller>>
  readonly targets: Readonly<Record<`${Place}${Version}`, Target>>
  close(): Promise<void>
}

export const VERSIONS: readonly Version[] = [1, 2]
export const PLACES: readonly Place[] = ['mesh', 'plain']

/** Every way from a caller to an application. */
export const WAYS = VERSIONS.flatMap(from =>
  PLACES.flatMap(place => VERSIONS.map(to => ({ from, place, to, name: `${place}${to}` as const }))),
)

const PROTOCOL = { 1: 'http', 2: 'http2' } as const

export async function startAnyMesh(
  more: (mesh: AnyMesh['beside']) => readonly Resource[] = () => [],
): Promise<AnyMesh> {
  const mesh = startMesh()
  const applications = {
    1: await mesh.with(startApplication(1)),
    2: await mesh.with(startApplication(2)),
  }
  const besideOf = (version: Version) =>
    mesh.sidecar(`mesh${version}`, {
      port: applications[version].port,
      protocol: PROTOCOL[version],
      labels: { app: `mesh${version}` },
    })
  const beside = { 1: await besideOf(1), 2: await besideOf(2) }
  const resources: Resource[] = []
  for (const version of VERSIONS) {
    const protocol = PROTOCOL[version]
    const plain = `plain${version}`
    resources.push(
      beside[version].workload,
      workload(plain, { labels: { app: plain }, port: applications[version].port }),
    )
    for (const name of [`mesh${version}`, plain]) resources.push(service(name, { app: name }, 80, protocol))
  }
  const web = await mesh.sidecar('web', { resources: [...resources, ...more(beside)] })
  const target = (place: Place, version: Version): Target => ({
    authority: `${place}${version}`,
    place,
    application: applications[version],
  })
  const callers = { 1: callerOf(1, web.outbound), 2: callerOf(2, web.outbound) }
  return {
    ...{ mesh, web, beside, callers },
    targets: {
      mesh1: target('mesh', 1),
      mesh2: target('mesh', 2),
      plain1: target('plain', 1),
      plain2: target('plain', 2),
    },
    close: async () => {
      for (const version of VERSIONS) callers[version].close()
      await mesh.close()
    },
  }
}
