import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Application, echoApplication } from '../../fakes/application.ts'
import { ask, wire } from '../../in-process/client.ts'
import { type Mesh, type SidecarUnderTest, startMesh, until } from '../../in-process/mesh.ts'

let mesh: Mesh
let outside: Application
let caller: SidecarUnderTest

beforeAll(async () => {
  mesh = startMesh()
  outside = await mesh.with(echoApplication('outside'))
  caller = await mesh.sidecar('caller')
})
afterAll(() => mesh.close())

/** What is refused as it stands, and what nobody could find. */
const [NO_NAME, NOT_FOUND] = ['400 bad-request', '503 connect-failed']

const NAMES: readonly (readonly [what: string, host: string, outcome: string, why: RegExp])[] = [
  ['of 254 characters', 'a.'.repeat(127), NOT_FOUND, /connect-failed/],
  ['of 297 characters', `${'abcdefghi.'.repeat(29)}example`, NO_NAME, /bad-request/],
  ['of 9,998 characters', `${'a'.repeat(9_990)}.example`, NO_NAME, /bad-request/],
  ['whose label has 64 characters', `${'a'.repeat(64)}.example`, NOT_FOUND, /a{64}\.example/],
  ['that does not exist', 'nobody.invalid', NOT_FOUND, /nobody\.invalid/],
  ['with an empty label', 'a..example', NOT_FOUND, /a\.\.example/],
  ['that is a dot', '.', NOT_FOUND, /connect-failed/],
  ['of hyphens', '-.-', NOT_FOUND, /-\.-/],
]

/** That it lives, and works. */
async function works(): Promise<void> {
  expect((await ask(caller.outbound, `http://127.0.0.1:${outside.port}/`)).status).toBe(200)
}

async function counted(series: RegExp): Promise<number> {
  const { body } = await ask(caller.metrics, '/metrics')
  return Number(series.exec(body)?.[1] ?? 0)
}

describe('[FAULT-4] a host outside the mesh with a name', () => {
  test.each(NAMES)('%s is refused in words, and nobody is called', async (_what, host, outcome, why) => {
    const { seen } = outside
    const answer = await ask(caller.outbound, `http://${host}/`)
    expect(`${answer.status} ${answer.headers['x-selvedge-cause']}`).toBe(outcome)
    expect(answer.body).toMatch(why)
    expect(outside.seen).toBe(seen)
    await works()
  })

  test.each(NAMES)('%s is refused in words through CONNECT, too', async (_what, host, outcome) => {
    const one = wire(caller.outbound)
    one.send(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}:443\r\n\r\n`)
    const [, status, cause] = await one.match(/^HTTP\/1\.1 ([0-9]{3}) [\s\S]*x-selvedge-cause: (\S+)/)
    expect(`${status} ${cause}`).toBe(outcome)
    await works()
  })

  test('is counted each time', async () => {
    await until(async () => (await counted(/^selvedge_attempts_total\{class="connect-failed"\} ([0-9]+)$/m)) >= 6)
    await until(async () => (await counted(/^selvedge_refusals_total\{cause="bad-request"\} ([0-9]+)$/m)) >= 4)
  })
})
