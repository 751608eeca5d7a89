import { describe, expect, test } from 'vitest'
import { compileSelf, compileService } from './mod.ts'
import { aPolicy, aService, aWorkload, service, TRUST_DOMAIN, workload, worldFrom } from './world.fixture.ts'

const TARGET = 'targetRef: {kind: Service, name: a}'
const CHAT = aService('shop/a', 'ports: [{port: 80, targetPort: 8080}], selector: {app: a}')
const MESH = 'selvedge-system/default'

/** What callers of `shop/a` may switch to. */
function outbound(...policies: readonly string[]) {
  return compileService(worldFrom(CHAT, ...policies), 'elsewhere', service('shop/a'))?.traffic.upgrades
}

/** What the sidecar of `shop/a-1` lets in, by port. */
function inbound(...documents: readonly string[]) {
  const world = worldFrom(
    aWorkload('shop/a-1', 'app: a', 'ports: [{port: 8080}, {port: 8081}], inboundPort: 15006'),
    ...[CHAT, ...documents],
  )
  const ports = compileSelf(world, workload('shop/a-1'), TRUST_DOMAIN)?.ports ?? []
  return Object.fromEntries(ports.map(({ port, upgrades }) => [port, upgrades]))
}

const policy = (spec: string, name = 'shop/p') => aPolicy('TrafficPolicy', name, `${TARGET}, ${spec}`)
const meshPolicy = (name: string, allowed: string) => aPolicy('MeshPolicy', name, `allowedUpgrades: ${allowed}`)

describe('the protocols that a Service may be switched to', () => {
  test('are any, where nobody says otherwise', () => {
    expect(outbound()).toBeUndefined()
    expect(outbound(policy('connectTimeout: 1s'))).toBeUndefined()
    expect(inbound()).toEqual({ 8080: undefined, 8081: undefined })
  })

  test('are those of its TrafficPolicy, in lower case and once each', () => {
    expect(outbound(policy('allowedUpgrades: [WebSocket, websocket, X-Mine/2]'))).toEqual({
      protocols: ['websocket', 'x-mine/2'],
      by: 'TrafficPolicy shop/p',
    })
    expect(outbound(policy('allowedUpgrades: []'))).toEqual({ protocols: [], by: 'TrafficPolicy shop/p' })
  })

  test("else those of its own namespace's MeshPolicy, whoever calls; else those of the mesh's", () => {
    const mesh = meshPolicy(MESH, '[]')
    expect(outbound(mesh)).toEqual({ protocols: [], by: `MeshPolicy ${MESH}` })
    expect(outbound(mesh, meshPolicy('elsewhere/default', '["*"]'))?.protocols).toEqual([])
    expect(outbound(mesh, meshPolicy('shop/default', '[websocket]'))).toEqual({
      protocols: ['websocket'],
      by: 'MeshPolicy shop/default',
    })
    expect(outbound(mesh, policy('connectTimeout: 1s'))?.protocols).toEqual([])
    expect(outbound(mesh, meshPolicy('shop/default', '["*"]'))).toBeUndefined()
    expect(outbound(mesh, policy('allowedUpgrades: ["*", websocket]'))).toBeUndefined()
  })

  test('hold at its instances for the port that it means; the namespace for those that no Service means', () => {
    const limit = { protocols: [], by: 'TrafficPolicy shop/p' }
    expect(inbound(policy('allowedUpgrades: []'))).toEqual({ 8080: limit, 8081: undefined })
    expect(inbound(meshPolicy(MESH, '[]'), policy('allowedUpgrades: ["*"]'))).toEqual({
      8080: undefined,
      8081: { protocols: [], by: `MeshPolicy ${MESH}` },
    })
  })

  test('are what all Services allow that share a port', () => {
    const also = aService('shop/b', 'ports: [{port: 90, targetPort: 8080}], selector: {app: a}')
    const other = (allowed: string) =>
      aPolicy('TrafficPolicy', 'shop/q', `targetRef: {kind: Service, name: b}, allowedUpgrades: ${allowed}`)
    const one = policy('allowedUpgrades: [websocket, x-mine]')
    expect(inbound(also, one)[8080]).toEqual({ protocols: ['websocket', 'x-mine'], by: 'TrafficPolicy shop/p' })
    expect(inbound(also, one, other('["*"]'))[8080]?.protocols).toEqual(['websocket', 'x-mine'])
    expect(inbound(also, one, other('[x-other, websocket]'))[8080]).toEqual({
      protocols: ['websocket'],
      by: 'TrafficPolicy shop/p and TrafficPolicy shop/q',
    })
    expect(inbound(also, meshPolicy(MESH, '[]'))[8080]?.by).toBe(`MeshPolicy ${MESH}`)
  })
})
