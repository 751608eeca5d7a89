import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Mesh, type SidecarUnderTest, startMesh } from '../../in-process/mesh.ts'
import { meshPolicy, service } from '../../in-process/resources.ts'
import type { Echoed, Version } from './applications.ts'
import { startApplication } from './applications.ts'
import { callerOf, callWhole } from './callers.ts'
import { VERSIONS } from './kit.ts'

// Ports of which nothing is said: an application is spoken to in what its caller spoke, as if there were no mesh between them.

let mesh: Mesh
let web: SidecarUnderTest
const beside = new Map<Version, SidecarUnderTest>()

beforeAll(async () => {
  mesh = startMesh()
  const resources = []
  for (const version of VERSIONS) {
    const { port } = await mesh.with(startApplication(version))
    const labels = { app: `speaks-${version}` }
    const sidecar = await mesh.sidecar(`speaks-${version}`, {
      ...{ port, protocol: 'detect', labels },
      resources: [meshPolicy({ mtls: 'permissive' })],
    })
    beside.set(version, sidecar)
    resources.push(sidecar.workload, service(`speaks-${version}`, labels, 80, 'detect'))
  }
  web = await mesh.sidecar('web', { resources })
})

afterAll(() => mesh.close())

async function versionHeard(port: number, version: Version): Promise<string> {
  const caller = callerOf(version, port)
  const { status, body } = await callWhole(caller, { authority: `speaks-${version}` })
  caller.close()
  expect(status).toBe(200)
  return (JSON.parse(body) as Echoed).version
}

test.each([
  [1, '1.1'],
  [2, '2.0'],
] as const)(
  'HTTP/%d stays what it is: across the mesh, and from a caller without a sidecar',
  async (version, heard) => {
    expect(await versionHeard(web.outbound, version)).toBe(heard)
    expect(await versionHeard(beside.get(version)!.inbound, version)).toBe(heard)
  },
)
