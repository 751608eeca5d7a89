import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ControlPlane, startControlPlane } from '../../../control-plane/app.ts'
import { readControlPlaneConfig } from '../../../control-plane/config.ts'
import { ask } from '../../in-process/client.ts'
import { portOf, until } from '../../in-process/mesh.ts'

/** As control-plane/doors.ts says for the port at which anybody may knock. */
const ENROLMENT_MAX = 1_024

let dir: string
let plane: ControlPlane
const sockets: Socket[] = []

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'selvedge-connections-'))
  const ports = ['rest', 'enrolment', 'discovery', 'metrics'].map(door => `--${door}-port=0`)
  const config = readControlPlaneConfig([`--data-dir=${dir}/data`, '--log-level=silent', ...ports], {})
  if (!config.ok) throw new Error(config.error.join(' '))
  const started = await startControlPlane(config.value, '0.0.0-test')
  if (!started.ok) throw new Error(started.error)
  plane = started.value
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await plane.close()
  rmSync(dir, { recursive: true })
})

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.off('error', reject)
      socket.on('error', () => undefined)
      resolve(socket)
    })
    socket.on('error', reject)
    socket.resume()
    sockets.push(socket)
  })
}

function handshake(port: number): Promise<'secure' | 'closed'> {
  return new Promise(resolve => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] })
    sockets.push(socket)
    socket.on('secureConnect', () => resolve('secure'))
    socket.on('error', () => resolve('closed'))
    socket.on('close', () => resolve('closed'))
  })
}

describe('[LOAD-2] the enrolment port', () => {
  test('has so many connections at once and no more, and room again when they end', async () => {
    const port = portOf(plane.addresses.enrolment)
    const metric = async () => (await ask(portOf(plane.addresses.metrics), '/metrics')).body
    expect(await handshake(port)).toBe('secure')
    for (let i = 1; i < ENROLMENT_MAX; i += 128) await Promise.all(Array.from({ length: 128 }, () => open(port)))
    await until(async () => /^selvedge_control_connections_refused_total\{door="enrolment"\} 1$/m.test(await metric()))
    expect(await handshake(port)).toBe('closed')
    expect(await metric()).toMatch(/^selvedge_control_connections_refused_total\{door="enrolment"\} 2$/m)
    // Discovery and the API are ports of their own.
    expect((await ask(portOf(plane.addresses.rest), '/healthz')).status).toBe(200)
    await open(portOf(plane.addresses.discovery))
    expect(await metric()).toMatch(/^selvedge_control_connections_refused_total\{door="discovery"\} 0$/m)
    for (const socket of sockets.splice(0)) socket.destroy()
    await until(async () => (await handshake(port)) === 'secure')
  })
})
