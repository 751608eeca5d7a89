import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Application, byteApplication } from '../../fakes/application.ts'
import { wire, wireOver } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh } from '../../in-process/mesh.ts'
import { service, trafficPolicy, workload } from '../../in-process/resources.ts'
import { peerOptions } from '../h1/peer.ts'

// How names of fields are written, across the hop between sidecars, where names have no upper case (RFC 9113, 8.2.1).

let mesh: Mesh
let application: Application
let app: SidecarUnderTest
let web: SidecarUnderTest
let heard = ''

const ANSWER = 'HTTP/1.1 200 OK\r\nX-Request-ID: 1\r\nETag: "x"\r\ncontent-length: 2\r\nX_Mixed-Up: 3\r\n\r\nok'
const QUESTION = ['X-Api-KEY: 1', 'accept: */*', 'SOAPAction: "x"', 'X-Api-KEY: 2'].join('\r\n')

beforeAll(async () => {
  mesh = startMesh()
  application = await mesh.with(
    byteApplication(socket => {
      socket.on('data', chunk => {
        heard += chunk.toString('latin1')
        socket.write(ANSWER)
      })
    }),
  )
  const labels = { app: 'app' }
  app = await mesh.sidecar('app', { port: application.port, labels })
  const nobody = await mesh.with(byteApplication(() => undefined))
  const gone = await mesh.sidecar('gone', { port: nobody.port, labels: { app: 'mixed' } })
  await nobody.close()
  web = await mesh.sidecar('web', {
    resources: [
      ...[app.workload, service('kept', labels), trafficPolicy('kept', { preserveHeaderCase: true })],
      service('usual', labels),
      // One endpoint that is not there, behind a sidecar that is, and one without a sidecar.
      ...[gone.workload, workload('plain', { labels: { app: 'mixed' }, port: application.port })],
      ...[service('mixed', { app: 'mixed' }), trafficPolicy('mixed', { preserveHeaderCase: true })],
    ],
  })
})

afterAll(() => mesh.close())

async function ask(host: string): Promise<string> {
  heard = ''
  const caller = wire(web.outbound)
  caller.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n${QUESTION}\r\n\r\n`)
  await caller.match(/\r\n\r\nok$/)
  caller.socket.destroy()
  return caller.received
}

test('names keep their case, both ways and in their order, where a TrafficPolicy asks for it', async () => {
  for (let i = 0; i < 3; i++) {
    const answer = await ask('kept')
    expect(heard).toContain(`\r\n${QUESTION}\r\n`)
    expect(heard).toContain('\r\nHost: kept\r\n')
    expect(answer).toContain('\r\nX-Request-ID: 1\r\nETag: "x"\r\ncontent-length: 2\r\nX_Mixed-Up: 3\r\n')
    // What the sidecars tell each other is nobody else's.
    expect(`${heard}${answer}`).not.toMatch(/x-selvedge-names/i)
  }
})

test('who has no sidecar is told nothing of it, not even at a second attempt', async () => {
  for (let i = 0; i < 6; i++) {
    await ask('mixed')
    expect(heard).toContain(`\r\n${QUESTION}\r\n`)
    expect(heard).not.toMatch(/x-selvedge-names/i)
  }
})

test('elsewhere they are in lower case, and mean the same', async () => {
  const answer = await ask('usual')
  expect(heard).toContain(`\r\n${QUESTION.replace(/[^\r\n:]+(?=:)/g, name => name.toLowerCase())}\r\n`)
  expect(answer).toContain('\r\nx-request-id: 1\r\netag: "x"\r\ncontent-length: 2\r\nx_mixed-up: 3\r\n')
  expect(`${heard}${answer}`).not.toMatch(/x-selvedge-names/i)
})

test('[AUTHZ-9] what an application says of names is not believed, and what a peer says renames nothing else', async () => {
  heard = ''
  const spoofing = wire(web.outbound)
  spoofing.send('GET / HTTP/1.1\r\nHost: usual\r\nX-Selvedge-Names: ACCEPT\r\naccept: */*\r\n\r\n')
  await spoofing.match(/ok$/)
  expect(heard).toContain('\r\naccept: */*\r\n')
  spoofing.socket.destroy()
  heard = ''
  const peer = wireOver(connect({ port: app.inbound, ...peerOptions(mesh.caDir) }))
  peer.send('GET / HTTP/1.1\r\nHost: a\r\nx-selvedge-names: ACCEPT,Evil: x,,X\u212A\r\naccept: */*\r\nevil: 1\r\n\r\n')
  await peer.match(/ok$/)
  expect(heard).toContain('\r\nACCEPT: */*\r\nevil: 1\r\n')
  expect(heard).not.toMatch(/x-selvedge-names/i)
  peer.socket.destroy()
})
