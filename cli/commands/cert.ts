import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type CertificateFacts, fromPem, initCaDir, parseCertificate } from '../../certs/mod.ts'
import { parseTrustDomain } from '../../common/mod.ts'
import { type DefineCommand, examples, outputOption } from '../cli.ts'
import { CliFailure, messageOf, usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { age } from '../render/mod.ts'

const TRUST_DOMAIN_DEFAULT = 'cluster.local'

export const defineCert: DefineCommand = (command, cli) => {
  const init = command
    .command('init')
    .description('Makes a CA for file mode: ca.crt, and ca.key that only you can read. Never overwrites one.')
    .argument('<dir>', 'where to put it')
    .option('--trust-domain <NAME>', 'the trust domain that it speaks for', TRUST_DOMAIN_DEFAULT)
    .action((dir: string, options: { readonly trustDomain: string }) => {
      const trustDomain = parseTrustDomain(options.trustDomain)
      if (!trustDomain.ok) throw usageFailure(`Cannot use --trust-domain: ${trustDomain.error}`)
      const made = initCaDir(dir, { trustDomain: trustDomain.value, nowMs: Date.now() })
      if (!made.ok) throw new CliFailure(made.error)
      cli.terminal.out(`made the CA of ${trustDomain.value} in ${dir}; start sidecars with --ca-dir ${dir}\n`)
    })
  examples(init, ['selvedge cert init ./ca', 'selvedge cert init ./ca --trust-domain prod.example.com'])

  const inspect = command
    .command('inspect')
    .description('Says what is in a file of certificates (PEM).')
    .argument('<file>', 'the file')
  outputOption(inspect, ['table', 'json', 'yaml']).action(
    async (file: string, options: { readonly output: 'table' | 'json' | 'yaml' }) => {
      const certificates = certificatesOf(file)
      await print(cli.terminal, options.output, certificates, () =>
        certificates.flatMap((certificate, i) => certificateLines(certificate, i, Date.now())),
      )
    },
  )
  examples(inspect, ['selvedge cert inspect ./ca/ca.crt', 'selvedge cert inspect leaf.pem -o json'])
}

interface Shown {
  readonly uris: readonly string[]
  readonly dnsNames: readonly string[]
  readonly isCa: boolean
  readonly keyUsage: readonly string[]
  readonly extendedKeyUsage: readonly string[]
  readonly notBefore: string
  readonly notAfter: string
  readonly serial: string
  readonly sha256: string
}

function certificatesOf(file: string): Shown[] {
  let ders: readonly Buffer[]
  try {
    ders = fromPem(readFileSync(file, 'utf8'))
  } catch (thrown) {
    throw new CliFailure(`Cannot read ${file}: ${messageOf(thrown)}`)
  }
  if (ders.length === 0)
    throw new CliFailure(`Cannot inspect ${file}: it holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")`)
  return ders.map(der => {
    const facts = parseCertificate(der)
    if (!facts.ok) throw new CliFailure(`Cannot inspect ${file}: ${facts.error}`)
    return shown(facts.value, der)
  })
}

function shown(facts: CertificateFacts, der: Buffer): Shown {
  return {
    uris: facts.uriSans,
    dnsNames: facts.dnsSans,
    isCa: facts.isCa,
    keyUsage: facts.keyUsage,
    extendedKeyUsage: facts.extendedKeyUsage ?? [],
    notBefore: new Date(facts.notBeforeMs).toISOString(),
    notAfter: new Date(facts.notAfterMs).toISOString(),
    serial: facts.serialHex,
    sha256: new X509Certificate(der).fingerprint256,
  }
}

function certificateLines(certificate: Shown, index: number, nowMs: number): string[] {
  const leftMs = Date.parse(certificate.notAfter) - nowMs
  const none = (values: readonly string[]): string => (values.length === 0 ? '-' : values.join(', '))
  return [
    `certificate ${index + 1}${certificate.isCa ? ' (CA)' : ''}`,
    `  identity      ${none(certificate.uris)}`,
    `  DNS names     ${none(certificate.dnsNames)}`,
    `  valid         ${certificate.notBefore} to ${certificate.notAfter} (${leftMs < 0 ? 'ended' : `${age(leftMs)} left`})`,
    `  key usage     ${none([...certificate.keyUsage, ...certificate.extendedKeyUsage])}`,
    `  serial        ${certificate.serial}`,
    `  SHA-256       ${certificate.sha256}`,
  ]
}
