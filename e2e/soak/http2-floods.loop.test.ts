import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RawPeer } from '../../test/conformance/h2/raw-peer.ts'
import { request } from '../../test/conformance/h2/wire.ts'
import { figures, times } from '../../test/loop/loop.ts'
import { type LoneSidecar, loneSidecar } from '../kit/lone-sidecar.ts'
import { startProgram } from '../kit/program.ts'

// CHECKLIST, H2-1 to H2-5: what a hostile program on the same machine does to a sidecar's memory, and to those who behave.

const FLOODER = fileURLToPath(new URL('../programs/flooder.ts', import.meta.url))
const ROUNDS = times(2, 8)
const REQUESTS = times(500, 5_000)
/** One caller that asks for one thing at a time. */
const EVERY_MS = 1
const GROWTH_MAX = 20 * 1024 * 1024
/** On a machine that does much else, a percentile of some milliseconds is chance; on one that doesn't, the doubled one is far below. */
const CHANCE_MS = 25

let application: Server
let sidecar: LoneSidecar
beforeAll(async () => {
  application = createServer({ noDelay: true }, socket => {
    socket.on('error', () => undefined)
    const peer = RawPeer.server(socket)
    const OK = [[':status', '200']] as const
    peer.onFrame = ({ type, stream }) => {
      if (type === 1) peer.answerWith(stream, OK)
    }
  })
  await new Promise<void>(resolve => application.listen(0, '127.0.0.1', resolve))
  sidecar = await loneSidecar([])
})
afterAll(async () => {
  await sidecar?.close()
  application?.close()
})

test('[H2-1] [H2-2] [H2-3] [H2-4] [H2-5] floods leave no memory behind, and others are served as before', {
  timeout: 600_000,
}, async context => {
  const authority = `127.0.0.1:${(application.address() as AddressInfo).port}`
  const quiet: number[] = []
  const flooded: number[] = []
  let floods = 0
  let residentBytes = 0
  for (let round = 0; round <= ROUNDS; round++) {
    quiet.push(await percentile(authority))
    const flooder = startProgram([process.execPath, FLOODER, String(sidecar.ports.outbound), authority])
    try {
      await flooder.line(/^calmed [1-9]/, 20_000)
      flooded.push(await percentile(authority))
      // Each kind once, at least.
      await flooder.line(/^calmed [0-9]+ of 12$/, 60_000)
    } finally {
      await flooder.end()
    }
    const [, calmed, all] = /^calmed ([0-9]+) of ([0-9]+)$/.exec(flooder.stdout.at(-1)!)!
    // The moment at which it is ended may be in the middle of one.
    expect(Number(calmed)).toBeGreaterThanOrEqual(Number(all) - 1)
    floods += Number(all)
    // The first round is the one that warms it up.
    if (round === 0) residentBytes = sidecar.residentBytes()
  }
  const grown = sidecar.residentBytes() - residentBytes
  const [quietP99Ms, floodedP99Ms] = [Math.min(...quiet), Math.min(...flooded)]
  figures(context, {
    floods,
    grownMb: Math.round((grown / 1024 / 1024) * 10) / 10,
    quietP99Ms: Math.round(quietP99Ms * 100) / 100,
    floodedP99Ms: Math.round(floodedP99Ms * 100) / 100,
  })
  expect(grown).toBeLessThan(GROWTH_MAX)
  expect(floodedP99Ms).toBeLessThan(Math.max(2 * quietP99Ms, CHANCE_MS))
  expect(await sidecar.metric('selvedge_broken_exchanges_total')).toBe(0)
})

/** The 99th percentile of how long an answer takes, in milliseconds, for one who behaves. */
async function percentile(authority: string): Promise<number> {
  const peer = RawPeer.client(connect({ host: '127.0.0.1', port: sidecar.ports.outbound, noDelay: true }))
  const took: number[] = []
  const fields = request('GET', '/fine').map(
    ([name, value]) => [name, name === ':authority' ? authority : value] as const,
  )
  for (let i = 0; i < REQUESTS; i++) {
    const stream = 1 + i * 2
    const beganMs = performance.now()
    peer.request(stream, fields)
    const { head } = await peer.answer(stream)
    took.push(performance.now() - beganMs)
    expect(head.get(':status')).toBe('200')
    await new Promise(resolve => setTimeout(resolve, EVERY_MS))
  }
  peer.destroy()
  took.sort((a, b) => a - b)
  return took[Math.floor(took.length * 0.99)]!
}
