import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { quickApplication } from '../../fakes/application.ts'
import { ask } from '../../in-process/client.ts'
import { until } from '../../in-process/mesh.ts'
import { type Fleet, type Joined, startFleet } from '../enrolment/fleet.ts'

// CHECKLIST, FAULT-10: two control planes: one writer for each fact; no split brain. Here: two over one folder.

const SELVEDGE = fileURLToPath(new URL('../../../bin/selvedge.js', import.meta.url))
const API = '/apis/selvedge.dev/v1'
const PORTS = ['rest', 'enrolment', 'discovery', 'metrics'].flatMap(name => [`--${name}-port`, '0'])

let fleet: Fleet
let dataDir: string
let web: Joined
const children: ChildProcess[] = []

beforeAll(async () => {
  fleet = await startFleet()
  dataDir = join(fleet.dir, 'data')
  const catalog = await quickApplication('ok')
  await fleet.apply(service('catalog', 80))
  await fleet.join('catalog', { port: catalog.port })
  web = await fleet.join('web')
  await until(async () => (await ask(web.outbound, 'http://catalog/')).status === 200)
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await fleet.close()
})

function service(name: string, port: number) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { ports: [{ port }], selector: { app: name } },
  }
}

/** A second control plane, as a program, on the same folder. */
function second() {
  const child = spawn(
    process.execPath,
    [SELVEDGE, 'control-plane', '--data-dir', dataDir, '--trust-domain', 'mesh.test', '--log-level', 'warn', ...PORTS],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  children.push(child)
  const said = { out: '', err: '' }
  const ready = Promise.withResolvers<{ readonly rest: string }>()
  createInterface({ input: child.stdout }).on('line', line => {
    said.out += `${line}\n`
    if (line.startsWith('selvedge control-plane ready ')) ready.resolve(JSON.parse(line.slice(29)))
  })
  child.stderr.on('data', chunk => {
    said.err += String(chunk)
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)))
  ready.promise.catch(() => undefined)
  void ended.then(() => ready.reject(new Error(`it ended: ${said.err}`)))
  return { child, said, ready: ready.promise, ended }
}

async function revision(): Promise<number> {
  const { json } = await fleet.call('GET', `${API}/fleet`)
  return (json as { readonly revision: number }).revision
}

/** What lies in the data folder besides the store itself: token, root, marks. */
function keptFiles(): readonly string[] {
  return readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
    .filter(name => !/^selvedge\.(db|mark)|census/.test(name) && statSync(join(dataDir, name)).isFile())
    .sort()
    .map(name => `${name} ${readFileSync(join(dataDir, name), 'base64')}`)
}

describe('[FAULT-10] a second control plane on the same folder', () => {
  test('is refused in words, and takes nothing from the first, whose writes, sidecars and traffic go on', async () => {
    const before = { kept: keptFiles(), revision: await revision() }
    const tries = [second(), second()]
    // Meanwhile the first writes.
    let writes = 0
    let over = false
    const ends = Promise.all(tries.map(({ ended }) => ended)).then(codes => {
      over = true
      return codes
    })
    while (!over) {
      await fleet.apply(service(`made-${writes}`, 1 + (writes % 60_000)))
      writes++
      expect((await ask(web.outbound, 'http://catalog/')).status).toBe(200)
    }
    expect(await ends).toEqual([1, 1])
    for (const { said } of tries) {
      expect(said.out).toBe('')
      expect(said.err).toMatch(
        /is in use by another control plane\. End that one, or name another folder with --data-dir\./,
      )
      expect(said.err.trim().split('\n')).toHaveLength(1)
    }
    expect(writes).toBeGreaterThan(0)
    expect(await revision()).toBeGreaterThanOrEqual(before.revision + writes)
    expect(keptFiles()).toEqual(before.kept)
    const { json } = await fleet.call('GET', `${API}/fleet`)
    const { sidecars } = json as { readonly sidecars: readonly { readonly connected: boolean }[] }
    expect(sidecars.map(({ connected }) => connected)).toEqual([true, true])
  })

  test('takes over when the first has ended, with all that it has acknowledged, and no revision goes back', async () => {
    const last = await revision()
    const listed = await fleet.call('GET', '/api/v1/namespaces/shop/services')
    await fleet.plane.close()
    const next = second()
    const { rest } = await next.ready
    const token = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim()
    const get = async (path: string): Promise<unknown> =>
      (await fetch(`${rest}${path}`, { headers: { authorization: `Bearer ${token}` } })).json()
    const names = (list: unknown) =>
      (list as { readonly items: readonly { readonly metadata: { readonly name: string } }[] }).items.map(
        ({ metadata }) => metadata.name,
      )
    expect(names(await get('/api/v1/namespaces/shop/services'))).toEqual(names(listed.json))
    expect(((await get(`${API}/fleet`)) as { readonly revision: number }).revision).toBeGreaterThanOrEqual(last)
    next.child.kill('SIGTERM')
    expect(await next.ended).toBe(0)
  })
})
