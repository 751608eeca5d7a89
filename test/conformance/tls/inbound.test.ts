import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { wire } from '../../in-process/client.ts'
import { HOSTILE_CLIENTS, type Hostile, WEAK } from '../hostile.ts'
import { clientWith, leafOf } from '../pki.ts'
import { GET, tlsAsk } from './tls-client.ts'
import { PEER, startVictim, type Victim } from './victim.ts'

// The inbound port, and everybody who may not come in.

const suites = (test: Hostile) => test.title.slice(0, 7)

describe.each([...new Set(HOSTILE_CLIENTS.map(suites))])('a peer whose certificate has, %s', suite => {
  let victim: Victim
  beforeAll(async () => {
    victim = await startVictim()
  })
  afterAll(() => victim.close())

  test.each(HOSTILE_CLIENTS.filter(hostile => suites(hostile) === suite))('$title: refused', async ({ make, why }) => {
    const shown = make(PEER, victim.ca)
    await victim.refuses(() => tlsAsk(victim.sidecar.inbound, clientWith(shown)), why)
    const lines = victim.sidecar.log().filter(({ msg }) => String(msg).startsWith('Refused a peer'))
    expect(lines.at(-1)).toMatchObject({ from: expect.stringMatching(/^127\.0\.0\.1/) })
  })
})

describe('in strict mode, a caller', () => {
  let victim: Victim
  beforeAll(async () => {
    victim = await startVictim()
  })
  afterAll(() => victim.close())

  test('[TLS-1] without a certificate: an alert, and the handshake fails', async () => {
    await victim.refuses(async () => {
      const got = await tlsAsk(victim.sidecar.inbound, clientWith({}))
      expect(got.error).toContain('alert certificate required')
      return got
    }, /PEER_DID_NOT_RETURN_A_CERTIFICATE/)
  })

  test('[TLS-1] in plaintext: closed without a word of HTTP', async () => {
    await victim.refuses(async () => {
      const caller = wire(victim.sidecar.inbound)
      caller.send(GET)
      await caller.ended()
      // An alert record of TLS, at most: its first byte is 21.
      expect(caller.received).toMatch(/^(\x15.{1,10})?$/s)
      return { received: caller.received.includes('HTTP') ? caller.received : '' }
    }, /HTTP_REQUEST|WRONG_VERSION|http request/i)
  })

  test('[TLS-1] that fell to plaintext after its certificate was refused is not let in either', async () => {
    const expired = HOSTILE_CLIENTS[0]?.make(PEER, victim.ca) ?? { cert: '', key: '' }
    await victim.refuses(() => tlsAsk(victim.sidecar.inbound, clientWith(expired)), /EXPIRED/)
    await victim.refuses(async () => {
      const caller = connect({ host: '127.0.0.1', port: victim.sidecar.inbound }, () => caller.write(GET))
      let received = ''
      caller.on('data', chunk => {
        received += chunk.toString('latin1')
      })
      caller.on('error', () => undefined)
      await new Promise(resolve => caller.on('close', resolve))
      return { received: received.includes('HTTP') ? received : '' }
    }, /HTTP_REQUEST|WRONG_VERSION/)
  })

  test.each(WEAK)('with $title: refused', async ({ make }) => {
    const shown = make(PEER, victim.ca)
    const options = clientWith(shown, { ciphers: 'DEFAULT@SECLEVEL=0' })
    await victim.refuses(() => tlsAsk(victim.sidecar.inbound, options), /./)
  })

  test('with a good certificate is served, whatever other kinds of names stand beside its ID [SVID-3]', async () => {
    const change = { dnsSans: ['tester.shop', '*.shop.test'], emailSans: ['tester@shop.test'] }
    const shown = leafOf({ id: PEER, issuer: victim.ca, change })
    const { received } = await tlsAsk(victim.sidecar.inbound, clientWith(shown))
    expect(received).toMatch(/^HTTP\/1\.1 200 /)
    expect(received).toContain(`"x-selvedge-caller":"${PEER}"`)
  })
})
