import { describe, expect, it } from 'vitest'
import { missingTools } from './missing-tools.ts'

const only =
  (...there: string[]) =>
  (name: string) =>
    there.includes(name) ? `/usr/bin/${name}` : undefined

describe('the programs that the bench wants', () => {
  it('are those of the cases that are asked for', () => {
    expect(missingTools(['h1', 'mtls', 'bulk'], only('wrk', 'nginx'))).toBeUndefined()
    expect(missingTools(['h2c'], only('h2load', 'nghttpd', 'nginx'))).toBeUndefined()
  })

  it('are named once, with what installs them', () => {
    expect(missingTools(['h1', 'h2c', 'latency'], only('nginx'))).toBe(
      'Cannot measure h1, h2c, latency: wrk, h2load, nghttpd not found, which make load and answer it. Install: apt-get install wrk nghttp2-client nghttp2-server',
    )
    expect(missingTools(['handshake'], only('wrk', 'nginx'))).toContain('apt-get install haproxy')
  })
})
