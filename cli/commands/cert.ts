import { existsSync, readFileSync } from 'node:fs'
import { fromPem, initCaDir } from '../../certs/mod.ts'
import { parseTrustDomain } from '../../common/mod.ts'
import { type DefineCommand, examples, outputOption } from '../cli.ts'
import { CliFailure, EXIT, messageOf, usageFailure } from '../failure.ts'
import { print } from '../print.ts'
import { reportLines, reportOn } from './cert-report.ts'
import { addressOf, servedChain } from './served-chain.ts'

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
    .description(
      'Says what a certificate holds, whether it keeps the rules of SPIFFE, and how long it lasts. Ends with 1 when it is not valid.',
    )
    .argument('<file-or-address>', 'a file of certificates (PEM), or HOST:PORT of whoever shows one')
    .option('--root <FILE>', 'whom it must lead to: the CA of the mesh (PEM)')
  outputOption(inspect, ['table', 'json', 'yaml']).action(
    async (target: string, options: { readonly output: 'table' | 'json' | 'yaml'; readonly root?: string }) => {
      const roots = options.root === undefined ? [] : certificatesIn(options.root)
      const report = reportOn(await certificatesOf(target), roots, Date.now())
      if (!report.ok) throw new CliFailure(`Cannot inspect ${target}: ${report.error}`)
      await print(cli.terminal, options.output, report.value, () => reportLines(report.value))
      if (!report.value.valid) cli.exit(EXIT.failed)
    },
  )
  examples(inspect, [
    'selvedge cert inspect ./ca/ca.crt',
    'selvedge cert inspect leaf.pem --root ./ca/ca.crt -o json',
    'selvedge cert inspect 127.0.0.1:15006 --root ./ca/ca.crt',
  ])
}

/** Of a file where there is one by that name, else of a server. */
async function certificatesOf(target: string): Promise<readonly Buffer[]> {
  const address = addressOf(target)
  if (address === undefined || existsSync(target)) return certificatesIn(target)
  const served = await servedChain(address)
  if (served.ok) return served.value
  throw new CliFailure(`Cannot inspect ${target}: ${served.error}; it must be a port that speaks TLS`)
}

function certificatesIn(file: string): readonly Buffer[] {
  let ders: readonly Buffer[]
  try {
    ders = fromPem(readFileSync(file, 'utf8'))
  } catch (thrown) {
    throw new CliFailure(`Cannot read ${file}: ${messageOf(thrown)}`)
  }
  if (ders.length > 0) return ders
  throw new CliFailure(`Cannot inspect ${file}: it holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")`)
}
