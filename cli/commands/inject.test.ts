import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { loadCaDir, toPem } from '../../certs/mod.ts'
import { readCliEnvironment } from '../config.ts'
import { execute } from '../program.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-inject-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

async function run(...args: string[]) {
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
  const status = await execute(args, readCliEnvironment({ SELVEDGE_HOME: '/nonexistent' }), terminal)
  return { status, ...said }
}

function file(name: string, text: string): string {
  const path = join(dir, name)
  writeFileSync(path, text)
  return path
}

const pod = (name: string, more = '') => `# ${name}
apiVersion: v1
kind: Pod
metadata: { name: ${name}${more} }
spec: { containers: [{ name: app, image: app }] }
`

describe('selvedge inject', () => {
  test('prints the manifests on stdout, and on stderr what became of each', async () => {
    const one = file('one.yaml', pod('one'))
    const two = file('two.yaml', pod('two', ', labels: { selvedge.dev/inject: "false" }'))
    const { status, out, err } = await run('inject', '-f', one, '-f', two)
    expect(status).toBe(0)
    expect(err).toBe('injected Pod one\nskipped Pod two: the label selvedge.dev/inject is "false"\n')
    expect(parseAllDocuments(out).map(document => document.toJS().metadata.name)).toEqual(['one', 'two'])
    expect(out).toContain('# one\n')
    expect(out).toContain('# two\n')
    // What it printed needs nothing more.
    const again = await run('inject', '-f', file('again.yaml', out))
    expect(again.out).toBe(out)
    expect(again.err).toContain('unchanged Pod one: it has its sidecar already')
  })

  test('prints JSON: one resource alone, or a List', async () => {
    const one = file('one.yaml', pod('one'))
    expect(JSON.parse((await run('inject', '-f', one, '-o', 'json')).out)).toMatchObject({ kind: 'Pod' })
    const both = JSON.parse((await run('inject', '-f', one, '-f', one, '-o', 'json')).out)
    expect(both).toMatchObject({ kind: 'List', items: [{ kind: 'Pod' }, { kind: 'Pod' }] })
  })

  test('prints nothing when a pod cannot have its sidecar, and says why', async () => {
    const text = `${pod('good')}---\n${pod('bad', ', annotations: { selvedge.dev/zoen: a }')}`
    const { status, out, err } = await run('inject', '-f', file('both.yaml', text))
    expect({ status, out }).toEqual({ status: 1, out: '' })
    expect(err).toContain(
      'refused Pod bad: the annotation selvedge.dev/zoen is unknown; did you mean selvedge.dev/zone?',
    )
    expect(err).toMatch(/Cannot inject Pod bad: .*selvedge\.dev\/inject: "false"/)
  })

  test('says when there was nothing to do', async () => {
    const text = 'kind: ConfigMap\napiVersion: v1\n'
    const { status, out, err } = await run('inject', '-f', file('map.yaml', text))
    expect({ status, out }).toEqual({ status: 0, out: text })
    expect(err).toMatch(/^note: nothing in .*map\.yaml has pods\n$/)
  })

  test('takes what holds for the mesh from its flags', async () => {
    const flags = [
      '--image',
      'example/selvedge:2',
      '--image-pull-policy',
      'Always',
      '--control-plane',
      'cp:1',
      '--enrolment',
      'cp:2',
    ]
    const { out } = await run(
      'inject',
      '-f',
      file('one.yaml', pod('one')),
      ...flags,
      '--trust-domain',
      'prod.example.com',
    )
    for (const part of [
      'image: example/selvedge:2',
      'imagePullPolicy: Always',
      '--control-plane=cp:1',
      '--enrolment=cp:2',
      'spiffe://prod.example.com',
    ]) {
      expect(out).toContain(part)
    }
  })

  test.each<[string[], RegExp]>([
    [[], /name a file with -f/],
    [['-f', 'x', '--image', '-'], /--image/],
    [['-f', 'x', '--control-plane', 'nowhere', '--trust-domain', 'A B'], /--control-plane.*--trust-domain/],
    [['-f', 'x', '-o', 'table'], /table/],
  ])('%j is wrong use', async (args, words) => {
    const { status, out, err } = await run('inject', ...args)
    expect({ status, out }).toEqual({ status: 2, out: '' })
    expect(err).toMatch(words)
  })

  test.each<[string, RegExp]>([
    ['a: [', /Cannot read .*x\.yaml: /],
    ['a: 1\na: 2', /Cannot read .*x\.yaml: /],
  ])('%j is no manifest', async (text, words) => {
    const { status, err } = await run('inject', '-f', file('x.yaml', text))
    expect(status).toBe(1)
    expect(err).toMatch(words)
  })
})

interface Resource {
  readonly kind: string
  readonly [field: string]: unknown
}

describe('selvedge install', () => {
  const install = async (...flags: string[]) => {
    const ran = await run('install', '--ca-dir', join(dir, 'ca'), ...flags)
    return {
      ...ran,
      resources: parseAllDocuments(ran.out, { version: '1.1' }).map(document => document.toJS() as Resource),
    }
  }
  const kinds = (resources: readonly Resource[]) => resources.map(({ kind }) => kind)

  test('prints all that a control plane needs, with the CA of the folder, which is made once', async () => {
    const first = await install()
    expect(first.status).toBe(0)
    expect(kinds(first.resources)).toEqual([
      ...['Namespace', 'ServiceAccount', 'PersistentVolumeClaim', 'Service', 'Deployment'],
      ...['MutatingWebhookConfiguration', 'Secret'],
    ])
    const ca = loadCaDir(join(dir, 'ca'))
    if (!ca.ok) throw new Error(ca.error)
    const pem = toPem('CERTIFICATE', ca.value.certificateDer)
    const { webhooks } = first.resources[5] as unknown as { webhooks: { clientConfig: { caBundle: string } }[] }
    expect(Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString()).toBe(pem)
    expect(first.resources[6]).toMatchObject({ stringData: { 'ca.crt': pem, 'ca.key': ca.value.privateKeyPem } })
    expect(first.err).toContain('made the CA of cluster.local')
    const second = await install()
    expect(second.out).toBe(first.out)
    expect(second.err).not.toContain('made the CA')
  })

  test('the control plane injects what it was installed with', async () => {
    const { resources } = await install('--image', 'example/selvedge:2', '--trust-domain', 'prod.example.com')
    const deployment = resources[4] as unknown as {
      spec: { template: { spec: { containers: { image: string; args: string[] }[]; volumes: unknown[] } } }
    }
    const [container] = deployment.spec.template.spec.containers
    expect(container?.image).toBe('example/selvedge:2')
    expect(container?.args).toEqual(
      expect.arrayContaining([
        '--inject-image=example/selvedge:2',
        '--trust-domain=prod.example.com',
        '--webhook-port=15017',
      ]),
    )
    // Octal, as YAML 1.1 has it.
    expect(deployment.spec.template.spec.volumes).toContainEqual({
      name: 'ca',
      secret: { secretName: 'selvedge-ca', defaultMode: 0o440 },
    })
  })

  test('leaves the key out, and puts the definitions in, where that is wished', async () => {
    const { resources, out } = await install('--no-ca-secret', '--crds')
    expect(kinds(resources)).not.toContain('Secret')
    expect(out).not.toContain('PRIVATE KEY')
    expect(kinds(resources).filter(kind => kind === 'CustomResourceDefinition')).toHaveLength(3)
  })

  test('keeps the comments of the manifests', async () => {
    const { out } = await install()
    const comments =
      readFileSync(new URL('../../k8s/install/deployment.yaml', import.meta.url), 'utf8').match(/# .*/g) ?? []
    expect(comments.length).toBeGreaterThan(2)
    for (const comment of comments) expect(out).toContain(comment)
  })

  test('refuses the CA of another trust domain, and a folder without a name', async () => {
    await install()
    expect(await install('--trust-domain', 'other.example.com')).toMatchObject({
      status: 2,
      err: expect.stringContaining('it is of the trust domain cluster.local'),
    })
    expect(await run('install')).toMatchObject({ status: 2, err: expect.stringContaining('--ca-dir') })
  })
})
