import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FREE_PORTS, temporaryDir } from './kit/mesh.ts'
import { type Program, type Ran, runSelvedge, startSelvedge } from './kit/program.ts'

const mesh = (weight: number): string => `
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: shop, labels: { app: reviews } }
spec: { selector: { app: reviews }, ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: canary, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: reviews }]
  rules: [{ backendRefs: [{ name: reviews, port: 80, weight: ${weight} }] }]
`

describe('what a service owner types, to a control plane that speaks TLS', () => {
  const dir = temporaryDir()
  const file = join(dir, 'mesh.yaml')
  let plane: Program
  let env: Record<string, string>
  const selvedge = (...args: string[]): Promise<Ran> => runSelvedge(args, { cwd: dir, env })

  beforeAll(async () => {
    const data = join(dir, 'data')
    plane = startSelvedge(['control-plane', '--rest-tls', 'always', '--data-dir', data, ...FREE_PORTS])
    const [, server = ''] = await plane.line(/"rest":"(https:[^"]+)"/, 20_000)
    const token = readFileSync(join(data, 'admin.token'), 'utf8').trim()
    env = { SELVEDGE_SERVER: server, SELVEDGE_TOKEN: token, SELVEDGE_CA: join(data, 'ca', 'ca.crt') }
  }, 60_000)
  afterAll(async () => {
    await plane?.end()
    rmSync(dir, { recursive: true, force: true })
  })

  test('1. believes the CA that it was given, and no other', async () => {
    const { SELVEDGE_CA: ca = '', ...without } = env
    const stranger = await runSelvedge(['get', 'services'], { cwd: dir, env: without })
    expect(stranger).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining("give the mesh's own with --ca"),
    })
    await runSelvedge(['cert', 'init', join(dir, 'other')], { cwd: dir })
    const other = await runSelvedge(['get', 'services', '--ca', join(dir, 'other', 'ca.crt')], {
      cwd: dir,
      env: without,
    })
    expect(other.code).toBe(1)
    expect(other.stderr).toMatch(/^Cannot reach the control plane at https:/)
    expect(await runSelvedge(['get', 'services', '--ca', ca], { cwd: dir, env: without })).toMatchObject({ code: 0 })
  })

  test('2. diff says what apply would do, and then that nothing is left to do', async () => {
    writeFileSync(file, mesh(90))
    const fresh = await selvedge('diff', '-f', file)
    expect(fresh).toMatchObject({ code: 1, stderr: '' })
    expect(fresh.stdout).toContain('--- /dev/null\n+++ file/HTTPRoute/shop/canary\n')
    expect(await selvedge('apply', '-f', file, '--dry-run')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('created (dry run)'),
    })
    expect(await selvedge('apply', '-f', file, '--wait')).toMatchObject({
      code: 0,
      // The dry run has left nothing: it is all new.
      stdout: expect.stringMatching(/Service .* created\n.*HTTPRoute .* created\nno sidecar that is connected uses it/),
    })
    expect(await selvedge('diff', '-f', file)).toMatchObject({ code: 0, stdout: '' })
    writeFileSync(file, mesh(10))
    const changed = await selvedge('diff', '-f', file)
    expect(changed.code).toBe(1)
    expect(changed.stdout).toMatch(/^--- live\/HTTPRoute\/shop\/canary\n\+\+\+ file\/HTTPRoute\/shop\/canary\n@@ /)
    expect(
      changed.stdout
        .split('\n')
        .filter(line => /^[-+] /.test(line))
        .map(line => line.replaceAll(' ', '')),
    ).toEqual(['-weight:90', '+weight:10'])
    expect(await selvedge('diff', '-f', join(dir, 'none.yaml'))).toMatchObject({ code: 2, stdout: '' })
    expect((await selvedge('apply', '-f', file)).code).toBe(0)
  })

  test('3. get finds by label, in YAML that can be applied again, and watches', async () => {
    expect((await selvedge('get', 'svc', '-A', '-l', 'app=reviews')).stdout).toMatch(/shop +reviews/)
    const { stdout } = await selvedge('get', 'httproute', 'canary', '-n', 'shop', '-o', 'yaml')
    const back = await runSelvedge(['apply', '-f', '-'], { cwd: dir, env, input: stdout })
    expect(back).toMatchObject({ code: 0, stdout: 'HTTPRoute shop/canary  unchanged\n' })
    const stale = stdout.replace(/resourceVersion: .*/, 'resourceVersion: "1"').replace('weight: 10', 'weight: 11')
    expect(await runSelvedge(['apply', '-f', '-'], { cwd: dir, env, input: stale })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Cannot write HTTPRoute shop\/canary: its version is \d+ now/),
    })
    const watching = startSelvedge(['get', 'svc', '-A', '--watch', '-o', 'json'], { cwd: dir, env })
    await watching.line(/"ADDED".*"reviews"/, 10_000)
    await selvedge('delete', 'svc', 'reviews', '-n', 'shop', '--dry-run')
    await selvedge('delete', 'svc', 'reviews', '-n', 'shop')
    await watching.line(/"DELETED".*"reviews"/, 10_000)
    expect(watching.stdout).toHaveLength(2)
    await watching.end()
  })

  test('4. history tells who did what, and rollback undoes it', async () => {
    const { stdout } = await selvedge('history', 'service', 'reviews', '-n', 'shop')
    const [heading = '', deleted = '', created = ''] = stdout.split('\n')
    expect(heading).toMatch(/^REVISION +WHEN +WHO +DID +WHAT$/)
    expect(deleted).toMatch(/admin +deleted +Service shop\/reviews$/)
    expect(created).toMatch(/admin +created +Service shop\/reviews$/)
    const revision = deleted.trim().split(' ', 1)[0] ?? ''
    expect((await selvedge('rollback', revision, '--dry-run')).stdout).toBe('Service shop/reviews  created (dry run)\n')
    expect((await selvedge('rollback', revision)).stdout).toBe('Service shop/reviews  created\n')
    const { items } = JSON.parse((await selvedge('history', '--limit', '1', '-o', 'json')).stdout) as {
      items: { action: string; after: { metadata: object } }[]
    }
    expect(items).toMatchObject([{ action: 'created', after: { metadata: { name: 'reviews' } } }])
  })

  test('5. a read-only token reads, and writes nothing, until it is revoked', async () => {
    const made = await selvedge('token', 'create', '--read-only', '--name', 'eve', '--ttl', '1h')
    expect(made.stderr).toMatch(/^for eve, to read, until /)
    const token = made.stdout.trim()
    const eve = (...args: string[]) => runSelvedge(args, { cwd: dir, env: { ...env, SELVEDGE_TOKEN: token } })
    expect((await eve('get', 'svc', '-A')).code).toBe(0)
    expect((await eve('diff', '-f', file)).code).toBe(0)
    expect(await eve('apply', '-f', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the token is read-only'),
    })
    const id = token.split('.')[1] ?? ''
    expect((await selvedge('token', 'list')).stdout).toContain(id)
    expect((await selvedge('token', 'revoke', id)).stdout).toBe(`revoked ${id}, the token of eve\n`)
    await selvedge('token', 'create', '--service-account', 'shop/reviews', '--uses', '3')
    const [join = ''] =
      /^[0-9a-f]{20}(?= +shop\/reviews +join 3 times )/m.exec((await selvedge('token', 'list')).stdout) ?? []
    const revoked = await selvedge('token', 'revoke', join)
    expect(revoked.stdout).toBe(`revoked ${join}, a join token for shop/reviews\n`)
    expect((await selvedge('token', 'list')).stdout).not.toContain(join)
    expect((await selvedge('token', 'revoke', join)).code).toBe(1)
    expect(await eve('get', 'svc', '-A')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('missing, wrong or expired'),
    })
  })

  test('6. check says that all is well', async () => {
    const { code, stdout } = await selvedge('check')
    expect({ code, faults: /FAULT/.test(stdout) }).toEqual({ code: 0, faults: false })
    expect(stdout).toMatch(/^ok {5}control plane .* at revision \d+\n/)
  })
})
