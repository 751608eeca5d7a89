import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Application, httpApplication } from '../test/fakes/application.ts'
import { ask, begin } from '../test/in-process/client.ts'
import { sendMany } from '../test/in-process/load.ts'
import { programPath } from './kit/caller.ts'
import { eventually, yes } from './kit/eventually.ts'
import { type LoneSidecar, loneSidecar } from './kit/lone-sidecar.ts'

// A sidecar with two workers, as a whole program: its threads, its end, and its death.

const WORKERS = ['--workers', '2', '--access-log']
const END_MS = 10_000

let dir: string
let application: Application
let sidecar: LoneSidecar
/** Requests to `/slow` that have not been answered yet. */
const waiting: (() => void)[] = []

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-workers-'))
  application = await httpApplication((request, response) => {
    const answer = (): void => void response.writeHead(200, { 'content-length': 2 }).end('ok')
    if (request.url === '/slow') waiting.push(answer)
    else answer()
  })
})
afterEach(async () => {
  waiting.length = 0
  await sidecar?.close()
})
afterAll(async () => {
  await application?.close()
  rmSync(dir, { recursive: true, force: true })
})

function threadsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map(task => readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim())
}

const here = (path: string) => `http://127.0.0.1:${application.port}${path}`

describe('a sidecar with two workers', () => {
  test('is one process, whose threads both carry traffic, and whose metrics are those of both', async () => {
    sidecar = await loneSidecar(WORKERS)
    const head = `GET ${here('/')} HTTP/1.1\r\nHost: 127.0.0.1:${application.port}\r\n\r\n`
    const { statuses } = await sendMany(sidecar.ports.outbound, head, 500, 20)
    expect(statuses).toEqual(new Map([[200, 500]]))
    // A page that was dear to make is shown again for a while.
    await eventually('all are counted', END_MS, async () => {
      const { text } = await sidecar.page('/metrics')
      const counted = text.split('\n').filter(line => line.startsWith('selvedge_requests_total{'))
      return yes(counted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0) === 500)
    })
    expect(await sidecar.metric('selvedge_attempts_total{class="success"}')).toBe(500)
    expect(threadsOf(sidecar.program.pid).filter(name => name.startsWith('worker'))).toHaveLength(2)
    // Whole lines of JSON, from either thread.
    const lines = await eventually('all lines are there', END_MS, () => {
      const exchanges = sidecar.log().filter(({ msg }) => msg === 'exchange')
      return exchanges.length === 500 ? exchanges : undefined
    })
    expect(new Set(lines.map(({ worker }) => worker))).toEqual(new Set([0, 1]))
  })

  test('waits, when it is told to end, for what either worker has under way, and then ends in order', async () => {
    sidecar = await loneSidecar(WORKERS)
    const underWay = Array.from({ length: 12 }, () => begin(sidecar.ports.outbound, here('/slow')))
    await eventually('all are under way', END_MS, () => yes(waiting.length === 12))
    process.kill(sidecar.program.pid, 'SIGTERM')
    await eventually('it is not ready', END_MS, async () => yes((await sidecar.page('/readyz')).status === 503))
    // The application may go on calling until it ends itself.
    expect((await ask(sidecar.ports.outbound, here('/'))).status).toBe(200)
    for (const answer of waiting.splice(0)) answer()
    for (const answer of await Promise.all(underWay)) expect(answer.statusCode).toBe(200)
    expect(await sidecar.program.exited).toMatchObject({ code: 0 })
    // What was carried until the end has been logged.
    expect(sidecar.log().filter(({ msg }) => msg === 'exchange')).toHaveLength(13)
  })

  test('dies whole when one of its workers dies, and says why', async () => {
    const fault = await sidecarWithFault()
    expect((await ask(sidecar.ports.outbound, here('/'))).status).toBe(200)
    writeFileSync(fault, 'throw')
    expect(await sidecar.program.exited).toMatchObject({ code: 1 })
    const last = sidecar.log().filter(({ level }) => Number(level) >= 60)
    expect(last).toHaveLength(1)
    expect(last[0]).toMatchObject({
      worker: 1,
      msg: 'A worker has died: the sidecar ends, as what that worker carried is lost',
      err: { message: 'a fault that a test has injected' },
    })
    await expect(ask(sidecar.ports.outbound, here('/'))).rejects.toThrow(/ECONNREFUSED/)
  })

  test('tells who asks when one of its workers hangs: it is not ready, and not alive; what is known is still told', async () => {
    const fault = await sidecarWithFault()
    expect((await ask(sidecar.ports.outbound, here('/'))).status).toBe(200)
    expect((await sidecar.page('/livez')).status).toBe(200)
    expect(await sidecar.metric('selvedge_attempts_total{class="success"}')).toBe(1)
    writeFileSync(fault, 'hang')
    await eventually('it is not ready', END_MS, async () => {
      const { status, text } = await sidecar.page('/readyz')
      return yes(status === 503 && text.startsWith('overload: the event loop stood still'))
    })
    const alive = await ask(sidecar.ports.metrics, '/livez')
    expect(alive).toMatchObject({ status: 503, body: 'a worker stands still\n' })
    expect(await sidecar.metric('selvedge_attempts_total{class="success"}')).toBe(1)
  })
})

/** With a worker that fails as soon as something is written to the file. */
async function sidecarWithFault(): Promise<string> {
  const fault = join(mkdtempSync(join(dir, 'fault-')), 'fault')
  const env = { NODE_OPTIONS: `--import=${programPath('failing-worker.ts')}`, FAULT_FILE: fault }
  sidecar = await loneSidecar(WORKERS, { env })
  return fault
}
