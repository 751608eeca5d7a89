import { expect, test } from 'vitest'
import { sidecarArguments } from './member.ts'

const instance = {
  name: 'catalog-v1',
  namespace: 'bookshop',
  service: 'catalog',
  serviceAccount: 'catalog',
  labels: { app: 'catalog', version: 'v1' },
  command: ['x'],
  env: {},
  cwd: undefined,
  port: undefined,
}
const ports = { outbound: 1, inbound: 2, admin: 3, metrics: 4, program: 8080 }
const addresses = { discovery: '127.0.0.1:15012', enrolment: '127.0.0.1:15010', stateDir: '/state' }

test('a sidecar is told who it stands beside, its ports and labels, and no secret', () => {
  const line = sidecarArguments(instance, ports, addresses, false).join(' ')
  expect(line).toContain('--workload bookshop/catalog-v1 --service-account catalog --port http=8080')
  expect(line).toContain('--label app=catalog --label version=v1')
  expect(line).toContain('--outbound-port 1 --inbound-port 2 --admin-port 3 --metrics-port 4')
  expect(line).toContain('--state-dir /state/bookshop.catalog-v1')
  expect(line).not.toContain('token')
})

test('the sidecar of a pure client serves no port', () => {
  const line = sidecarArguments(instance, { ...ports, program: undefined }, addresses, false).join(' ')
  expect(line).not.toContain('--port ')
})
