import { parseArgs } from 'node:util'
import { CASES, type Case } from './plan.ts'

export interface BenchOptions {
  readonly cases: readonly Case[]
  /** Those of each case, when undefined. */
  readonly connections: readonly number[] | undefined
  /** How long each measurement lasts, after its warm-up. */
  readonly seconds: number
  /** How often everything is measured; the median counts. */
  readonly rounds: number
  /** Peers to run, by name; the usual ones when empty. */
  readonly peers: readonly string[]
  readonly output: 'table' | 'json'
}

const CONNECTIONS_MAX = 1024
const SECONDS_MAX = 600
const ROUNDS_MAX = 99

export const USAGE = `Usage: npm run bench -- [options]

Measures this sidecar (file mode), HAProxy, and Envoy when it is on the PATH, in the same topologies, side by side.

  --only LIST            some cases, separated by commas (default: all)
    h1                     one plaintext HTTP/1.1 hop
    mtls                   a pair with mutual TLS 1.3 between, HTTP/1.1 applications
    h2c                    one plaintext HTTP/2 hop, 16 streams on each connection
    tcp                    bytes through a pair with mutual TLS 1.3: small exchanges, and 1 MB
    bulk                   1 MB down and 1 MB up through a pair
    handshake              new connections with mutual TLS 1.3, without resumption
    latency                one connection through a pair: closed loop, and 1,000 requests in a second
  --connections LIST     concurrent connections (default: what each case is about: 1,32,128; 4; 32; 8; 1)
  --peers LIST           for example selvedge,haproxy (default: all that are installed, but nginx and envoy-h1)
  --seconds N            length of each measurement (default: 1)
  --rounds N             measure everything N times in turn and take medians (default: 3)
  -o, --output table|json
  -h, --help

Wants on the PATH (Debian): apt-get install haproxy nginx-light wrk nghttp2-client nghttp2-server

Examples:
  npm run bench
  npm run bench -- --only mtls --connections 32,128 --seconds 3 --rounds 5
  npm run --silent bench -- --only h2c -o json > bench.json`

/** Reads the command line: the options, `'help'`, or what is wrong with it in one sentence. */
export function parseOptions(args: readonly string[]): BenchOptions | 'help' | { readonly fault: string } {
  let values: ReturnType<typeof readArgs>
  try {
    values = readArgs(args)
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) }
  }
  if (values.help) return 'help'
  const wanted = values.only?.split(',') ?? CASES
  const cases = CASES.filter(one => wanted.includes(one))
  if (cases.length !== wanted.length) return { fault: `--only takes some of ${CASES.join(', ')}, not "${values.only}"` }
  const connections = values.connections?.split(',').map(Number)
  if (connections?.every(count => isWhole(count, CONNECTIONS_MAX)) === false) {
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
      connections: { type: 'string' },
      peers: { type: 'string' },
      seconds: { type: 'string', default: '1' },
      rounds: { type: 'string', default: '3' },
      output: { type: 'string', short: 'o', default: 'table' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max
}
