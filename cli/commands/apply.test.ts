import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { readCliEnvironment } from '../config.ts'
import { execute } from '../program.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** A control plane that takes what is written, and is killed while somebody waits. */
async function dyingControlPlane(): Promise<string> {
  const dying = createServer(({ url = '' }, response) => {
    if (url.includes('/fleet/wait')) response.destroy()
    else
      response.end(
        JSON.stringify({ revision: 7, results: [{ resource: 'Service a/b', action: 'deleted' }], warnings: [] }),
      )
  })
  server = dying
  await new Promise<void>(resolve => dying.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(dying.address() as AddressInfo).port}`
}

async function rollBack(output: string) {
  const said = { out: '', err: '' }
  const terminal = {
    out: (text: string) => {
      said.out += text
    },
    err: (text: string) => {
      said.err += text
    },
    ...{ interactive: false, colour: false, columns: () => 80 },
  }
  const args = ['rollback', '6', '--wait', '--server', await dyingControlPlane(), '-o', output]
  return { status: await execute(args, readCliEnvironment({ SELVEDGE_HOME: '/nonexistent' }), terminal), ...said }
}

describe('a write whose wait fails', () => {
  test('is told as written, and the wait as failed', async () => {
    const { status, out, err } = await rollBack('table')
    expect({ status, out }).toEqual({ status: 1, out: 'Service a/b  deleted\n' })
    expect(err).toMatch(
      /^It is written, as revision 7; where it is live cannot be told\. Cannot reach the control plane/,
    )
  })

  test('is told in JSON, too', async () => {
    const { status, out } = await rollBack('json')
    expect({ status, ...JSON.parse(out) }).toMatchObject({ status: 1, revision: 7 })
  })
})
