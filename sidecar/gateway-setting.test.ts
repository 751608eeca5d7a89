import { describe, expect, it } from 'vitest'
import { parseGateway } from './gateway-setting.ts'

const parse = (text: string) => parseGateway(text, 'shop', '127.0.0.1')

describe('where a gateway listens, and for which service', () => {
  it.each([
    ['8080=web:80', { host: '127.0.0.1', port: 8080, tls: false, service: 'shop/web', servicePort: 80 }],
    ['http://8080=web:80', { host: '127.0.0.1', port: 8080, tls: false, service: 'shop/web', servicePort: 80 }],
    ['0=web:80', { host: '127.0.0.1', port: 0, tls: false, service: 'shop/web', servicePort: 80 }],
    ['0.0.0.0:5432=db.data:5432', { host: '0.0.0.0', port: 5432, tls: false, service: 'data/db', servicePort: 5432 }],
    ['https://8443=web:80', { host: '127.0.0.1', port: 8443, tls: true, service: 'shop/web', servicePort: 80 }],
    [
      'https://[::1]:8443=web.shop.svc.cluster.local:65535',
      { host: '::1', port: 8443, tls: true, service: 'shop/web', servicePort: 65_535 },
    ],
  ])('%s', (text, setting) => {
    expect(parse(text)).toEqual({ ok: true, value: setting })
  })

  it.each([
    ['', 'is not [https://]'],
    ['8080', 'is not [https://]'],
    ['8080=web', 'is not [https://]'],
    ['ftp://8080=web:80', 'is not [https://]'],
    ['8080=web:80=x:80', 'is not [https://]'],
    ['localhost:8080=web:80', 'is not [https://]'],
    ['1.2.3.400:8080=web:80', '"1.2.3.400" is not an IP address'],
    ['65536=web:80', '65536 is not a port'],
    ['8080=web:0', '0 is not a port'],
    ['8080=web:65536', '65536 is not a port'],
    ['8080=web.example.com:80', '"web.example.com" is not the name of a Service'],
  ])('"%s" is refused', (text, why) => {
    const parsed = parse(text)
    expect(parsed.ok ? '' : parsed.error).toContain(why)
  })
})
