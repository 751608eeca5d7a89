import { parseArgs } from 'node:util'
import { CASES, type Case } from './plan.ts'

export interface BenchOptions {
  readonly cases: readonly Case[]
  readonly connections: readonly number[]
  /** How long each measurement lasts, after its warm-up. */
  readonly seconds: number
  /** How often everything is measured; the median counts. */
  readonly rounds: number
  /** Peers to run, by name; all when empty. */
  readonly peers: readonly string[]
  readonly output: 'table' | 'json'
}

const CONNECTIONS_MAX = 1024
const SECONDS_MAX = 600
const ROUNDS_MAX = 99

export const USAGE = `Usage: npm run bench -- [options]

Measures this sidecar (file mode), HAProxy and nginx, and Envoy when it is on the PATH, in the same topologies, side by side.

  --only h1|mtls         one topology: a plaintext hop, or a pair with mutual TLS 1.3 between (default: both)
  --connections LIST     concurrent connections, separated by commas (default: 1,8,32,128)
  --peers LIST           for example selvedge,haproxy (default: all that are installed)
  --seconds N            length of each measurement (default: 3)
  --rounds N             measure everything N times and take medians (default: 1)
  -o, --output table|json
  -h, --help

Examples:
  npm run bench
  npm run bench -- --only mtls --connections 32,128 --rounds 3
  npm run --silent bench -- -o json > bench.json`

/** Reads the command line: the options, `'help'`, or what is wrong with it in one sentence. */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' | { readonly fault: string } {
  let values: ReturnType<typeof readArgs>
  try {
    values = readArgs(args)
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) }
  }
  if (values.help) return 'help'
  const cases = values.only === undefined ? CASES : CASES.filter(one => one === values.only)
  if (cases.length === 0) return { fault: `--only takes ${CASES.join(' or ')}, not "${values.only}"` }
  const connections = (values.connections ?? '').split(',').map(Number)
  if (!connections.every(count => isWhole(count, CONNECTIONS_MAX))) {
    return {
      fault: `--connections takes numbers from 1 to ${CONNECTIONS_MAX}, as in 32,128, not "${values.connections}"`,
    }
  }
  const seconds = Number(values.seconds)
  if (!isWhole(seconds, SECONDS_MAX))
    return { fault: `--seconds takes a number from 1 to ${SECONDS_MAX}, not "${values.seconds}"` }
  const rounds = Number(values.rounds)
  if (!isWhole(rounds, ROUNDS_MAX))
    return { fault: `--rounds takes a number from 1 to ${ROUNDS_MAX}, not "${values.rounds}"` }
  const output = values.output
  if (output !== 'table' && output !== 'json') return { fault: `-o takes table or json, not "${output}"` }
  const peers = values.peers === undefined ? [] : values.peers.split(',')
  return { cases, connections, seconds, rounds, peers, output }
}

function readArgs(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      connections: { type: 'string', default: '1,8,32,128' },
      peers: { type: 'string' },
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '1' },
      output: { type: 'string', short: 'o', default: 'table' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max
}
