import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseCollectorEndpoint } from './collector-endpoint.ts'

describe("a collector's endpoint", () => {
  test.each([
    ['http://collector:4318', 'http', false, 'collector', 4318, '/v1/traces'],
    ['http://collector:4318/', 'http', false, 'collector', 4318, '/v1/traces'],
    ['https://otlp.example.com:443/otlp', 'http', true, 'otlp.example.com', 443, '/otlp/v1/traces'],
    ['https://otlp.example.com:443/otlp/v1/traces', 'http', true, 'otlp.example.com', 443, '/otlp/v1/traces'],
    ['grpc://Collector.Observability:4317', 'grpc', false, 'collector.observability', 4317, ''],
    ['grpcs://10.0.0.1:4317/', 'grpc', true, '10.0.0.1', 4317, ''],
    ['http://[::1]:4318', 'http', false, '::1', 4318, '/v1/traces'],
  ] as const)('%s', (text, protocol, tls, host, port, path) => {
    expect(parseCollectorEndpoint(text)).toEqual({ ok: true, value: { text, protocol, tls, host, port, path } })
  })

  test.each([
    ['', /^must be the URL of a collector/],
    ['collector:4318', /^must be the URL of a collector/],
    ['ftp://collector:21', /^must be the URL of a collector/],
    ['HTTP://collector:4318', /^must be the URL of a collector/],
    ['http://', /^must be the URL of a collector/],
    [' http://collector:4318', /^must be the URL of a collector/],
    ['http://collector', /^must have a port: OTLP's own is 4318, as in http:\/\/collector:4318$/],
    ['grpc://collector', /^must have a port: OTLP's own is 4317/],
    ['http://collector:0', /^must have a port from 1 to 65535, not 0$/],
    ['http://collector:65536', /^must have a port from 1 to 65535/],
    ['http://-collector:4318', /^must name a host/],
    ['http://a..b:4318', /^must name a host/],
    ['http://[:::]:4318', /^must name a host/],
    ['http://1.2.3.256:4318', /^must name a host/],
    ['http://user:secret@collector:4318', /^must not hold a password/],
    ['http://collector:4318?token=secret', /^must not have a query/],
    ['http://collector:4318#x', /^must not have a query/],
    ['grpc://collector:4317/v1/traces', /^must not have a path/],
    [`http://collector:4318/${'a'.repeat(1_024)}`, /^must have at most 1024 characters$/],
    ['http://collector:4318/a b', /^must be the URL of a collector/],
    ['http://collector:4318/a\r\nx: y', /^must be the URL of a collector/],
  ])('%j is refused', (text, why) => {
    const parsed = parseCollectorEndpoint(text)
    expect(parsed.ok ? 'taken' : parsed.error).toMatch(why)
  })

  test('is read without throwing, whatever it is', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string().map(tail => `http://${tail}:4318`),
    )
    fc.assert(
      fc.property(text, given => {
        const parsed = parseCollectorEndpoint(given)
        if (parsed.ok) expect(URL.canParse(parsed.value.text)).toBe(true)
      }),
    )
  })
})
