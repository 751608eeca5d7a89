import { describe, expect, it } from 'vitest'
import { CONTROL_PLANE_FLAGS, controlPlaneHelp, readControlPlaneConfig, restSpeaksTls } from './config.ts'

describe('the control plane’s configuration', () => {
  it('has a default for everything', () => {
    expect(readControlPlaneConfig([], {})).toMatchObject({
      ok: true,
      value: {
        trustDomain: 'cluster.local',
        host: '127.0.0.1',
        ports: { rest: 15_080, enrolment: 15_010, discovery: 15_012, metrics: 15_014 },
        restTls: 'auto',
        leafLifeMs: 86_400_000,
        leaseGraceMs: 1_500,
        restartGraceMs: 10_000,
        acceptCa: undefined,
        logLevel: 'info',
      },
    })
  })

  it('takes each flag in both forms, and each variable; the flag counts where both are given', () => {
    const env = { SELVEDGE_REST_PORT: '1', SELVEDGE_LOG_LEVEL: 'warn', SELVEDGE_HOST: '' }
    const read = readControlPlaneConfig(['--rest-port=0', '--data-dir', '/tmp/x', '--leaf-life', '1h'], env)
    expect(read).toMatchObject({
      ok: true,
      value: { dataDir: '/tmp/x', ports: { rest: 0 }, leafLifeMs: 3_600_000, logLevel: 'warn', host: '127.0.0.1' },
    })
  })

  it('leaves the variables of the other programs alone', () => {
    expect(readControlPlaneConfig([], { SELVEDGE_TOKEN: 'x' }).ok).toBe(true)
  })

  it('reports all problems together', () => {
    const args = ['--rest-prot', '1', '--enrolment-port', '70000', '--leaf-life', '1ms', '--log-level']
    const read = readControlPlaneConfig(args, { SELVEDGE_TRUST_DOMAIN: 'A B', SELVEDGE_HOST: 'example.com' })
    expect(read.ok ? [] : read.error).toEqual([
      'Cannot use --rest-prot: there is no such flag. Did you mean --rest-port?',
      'Cannot use "1": this command takes flags alone.',
      'Cannot use --log-level: its value is missing.',
      expect.stringContaining('Cannot use SELVEDGE_TRUST_DOMAIN: "A B" is not a trust domain'),
      'Cannot use SELVEDGE_HOST: "example.com" is not an IP address.',
      'Cannot use --enrolment-port: "70000" is not a port: use a whole number from 0 to 65535.',
      expect.stringContaining('Cannot use --leaf-life: 1ms is out of bounds'),
    ])
  })

  it('refuses one port for two doors, unless it is 0', () => {
    const same = readControlPlaneConfig(['--rest-port', '15010'], {})
    expect(same).toMatchObject({ ok: false, error: [expect.stringContaining('15010 is --rest-port already')] })
    expect(readControlPlaneConfig(['--rest-port', '0', '--metrics-port', '0'], {}).ok).toBe(true)
  })

  it('opens the webhook for Kubernetes only where it is told to, and knows by which names it is reached', () => {
    expect(readControlPlaneConfig([], {})).toMatchObject({
      value: { ports: { webhook: undefined }, names: [], caFrom: undefined },
    })
    const args = [
      '--webhook-port',
      '15017',
      '--dns-name',
      'a.b.svc',
      '--dns-name=c',
      '--ca-from',
      '/ca',
      '--inject-image=x:1',
    ]
    expect(readControlPlaneConfig(args, {})).toMatchObject({
      ok: true,
      value: { ports: { webhook: 15_017 }, names: ['a.b.svc', 'c'], caFrom: '/ca', injection: { image: 'x:1' } },
    })
    const wrong = ['--webhook-port', '15012', '--dns-name', 'A_b', ...Array(16).fill('--dns-name=x')]
    const refused = readControlPlaneConfig(wrong, {})
    expect(refused.ok ? [] : refused.error).toEqual([
      'Cannot use --dns-name: "A_b" is no DNS name.',
      'Cannot use --dns-name: at most 16 names.',
      expect.stringContaining('15012 is --discovery-port already'),
    ])
  })

  it('tells every flag, its default and its variable in the help', () => {
    for (const { name, variable, fallback } of CONTROL_PLANE_FLAGS) {
      expect(controlPlaneHelp()).toContain(`--${name} `)
      expect(controlPlaneHelp()).toContain(fallback === '' ? `[${variable}]` : `(default: ${fallback}) [${variable}]`)
    }
  })

  it('takes the pin of a new root only as it is written', () => {
    const pin = 'ab'.repeat(32)
    expect(readControlPlaneConfig(['--accept-ca', pin], {})).toMatchObject({ ok: true, value: { acceptCa: pin } })
    expect(readControlPlaneConfig(['--accept-ca', 'ab'], {})).toMatchObject({
      ok: false,
      error: [expect.stringContaining('it must be 64 hexadecimal digits')],
    })
  })

  it('has the REST API speak TLS off loopback, and where it is told to', () => {
    const tls = (...args: string[]) => {
      const config = readControlPlaneConfig(args, {})
      return config.ok && restSpeaksTls(config.value)
    }
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) expect(tls('--host', host), host).toBe(false)
    for (const host of ['0.0.0.0', '::', '10.0.0.1']) expect(tls('--host', host), host).toBe(true)
    expect(tls('--rest-tls', 'always')).toBe(true)
    expect(readControlPlaneConfig(['--rest-tls', 'never'], {}).ok).toBe(false)
  })
})
