import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultSettings } from '../../k8s/injector/mod.ts'
import { podAdmission } from '../../k8s/webhook/mod.ts'
import { runSelvedge } from '../kit/program.ts'
import { type Cluster, makeNamespace, startCluster } from './cluster.ts'
import { serveWebhook, type WebhookServer } from './webhook-server.ts'

const SHAPES = fileURLToPath(new URL('../../test/golden/admission/', import.meta.url))
const SERVICE = 'selvedge-control-plane'

/**
 * What a real API server sends for each shape, as it is kept in test/golden/admission/ for the tests that have no API server. `-u` writes it anew. Here
 * the webhook is a server of this test, which remembers what it was asked.
 */
describe('what the API server asks is what is recorded', () => {
  let cluster: Cluster
  let server: WebhookServer
  const asked: unknown[] = []

  beforeAll(async () => {
    cluster = await startCluster()
    const caDir = join(cluster.folder, 'ca')
    // The version would change the recordings with each release.
    const admission = podAdmission(defaultSettings('0.0.0-recorded'))
    server = await serveWebhook(caDir, SERVICE, review => {
      asked.push(review)
      const answer = admission.review(review)
      if (!answer.ok) throw new Error(answer.error)
      return answer.value.body
    })
    const { stdout } = await runSelvedge(['install', '--ca-dir', caDir])
    await cluster.must(['apply', '-f', '-'], stdout)
    await cluster.lead(SERVICE, server.port, 'https-webhook')
    await makeNamespace(cluster, 'shop', { 'selvedge.dev/inject': 'enabled' })
  })
  afterAll(() => {
    server?.close()
    cluster?.close()
  })

  test.each(readdirSync(SHAPES).filter(name => name.endsWith('.yaml')))('%s', async name => {
    asked.length = 0
    await cluster.kubectl(['create', '--dry-run=server', '-f', join(SHAPES, name)])
    expect(asked.length).toBeGreaterThan(0)
    for (const [at, review] of asked.entries()) {
      const path = join(SHAPES, name.replace('.yaml', at === 0 ? '.review.json' : `.again-${at}.review.json`))
      await expect(`${JSON.stringify(lasting(review), undefined, 2)}\n`).toMatchFileSnapshot(path)
    }
  })
})

/** Without what differs each time: identifiers, times, and the names that Kubernetes makes up. */
function lasting(review: unknown): unknown {
  const text = JSON.stringify(review)
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '00000000-0000-4000-8000-000000000000')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '2026-01-01T00:00:00Z')
    .replace(/kube-api-access-[a-z0-9]{5}/g, 'kube-api-access-abcde')
    .replace(/"(orders)-[a-z0-9]{5}"/g, '"$1-abcde"')
  return JSON.parse(text)
}
