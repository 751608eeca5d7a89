import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeStatus, encodeService } from './ask-grpc.ts'
import { parseApplicationProbes } from './mod.ts'

const one = (probe: unknown, path = '/application/app/liveness') =>
  parseApplicationProbes(JSON.stringify({ [path]: probe }))

describe('the table of probes', () => {
  test('is read as injection writes it', () => {
    const httpHeaders = [{ name: 'Host', value: 'x' }]
    expect(one({ httpGet: { port: 80, path: '/a', scheme: 'HTTPS', httpHeaders }, timeoutSeconds: 3 })).toEqual({
      ok: true,
      value: new Map([
        [
          '/application/app/liveness',
          { kind: 'http', port: 80, path: '/a', tls: true, headers: [['Host', 'x']], timeoutMs: 3_000 },
        ],
      ]),
    })
    expect(one({ tcpSocket: { port: 80 } })).toMatchObject({ ok: true })
    expect(one({ grpc: { port: 80, service: 's' } })).toMatchObject({ ok: true })
    expect(parseApplicationProbes('')).toEqual({ ok: true, value: new Map() })
  })

  test.each<[string, unknown, string?]>([
    ['no object', 7],
    ['nothing to ask', {}],
    ['exec', { exec: { command: ['x'] } }],
    ['no port', { tcpSocket: {} }],
    ['a port that is none', { tcpSocket: { port: 65_536 } }],
    ['the name of a port', { tcpSocket: { port: 'http' } }],
    ['another scheme', { httpGet: { port: 80, scheme: 'FTP' } }],
    ['a path that is no text', { httpGet: { port: 80, path: 7 } }],
    ['a header without a value', { httpGet: { port: 80, httpHeaders: [{ name: 'a' }] } }],
    ['headers without end', { httpGet: { port: 80, httpHeaders: Array(65).fill({ name: 'a', value: 'b' }) } }],
    ['no time', { tcpSocket: { port: 80 }, timeoutSeconds: 0 }],
    ['a service that is no text', { grpc: { port: 80, service: 7 } }],
    ['another path', { tcpSocket: { port: 80 } }, '/metrics'],
  ])('%s is refused', (_, probe, path) => {
    expect(one(probe, path)).toMatchObject({ ok: false })
  })

  test('has a limit', () => {
    const many = Object.fromEntries(
      Array.from({ length: 129 }, (_, at) => [`/application/a${at}/x`, { tcpSocket: { port: 80 } }]),
    )
    expect(parseApplicationProbes(JSON.stringify(many))).toEqual({
      ok: false,
      error: 'it has 129 probes, and may have 128',
    })
  })

  test('whatever the text is, it is read or refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), text => typeof parseApplicationProbes(text).ok === 'boolean'),
    )
  })
})

describe("gRPC's health messages", () => {
  test.each([
    ['', []],
    ['ab', [0x0a, 2, 0x61, 0x62]],
  ])('the service %j', (service, bytes) => expect([...encodeService(service)]).toEqual(bytes))
  test('a name that is too long is cut', () => expect(encodeService('x'.repeat(300)).length).toBe(129))
  test.each([
    [[8, 1], 1],
    [[8, 2], 2],
    [[], 0],
    [[8], 0],
    [[16, 1], 0],
  ])('the status in %j', (bytes, status) => expect(decodeStatus(Buffer.from(bytes))).toBe(status))
})
