import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Capture, capture } from './capture.ts'
import { type Program, type ProgramOptions, projectRoot, type Ran, run, startProgram } from './program.ts'

const READY_MS = 10_000
const SELVEDGE = fileURLToPath(new URL('../../bin/selvedge.js', import.meta.url))
/** The user and group of sidecars, as `selvedge intercept install` expects them; and those of applications. */
export const SIDECAR_ID = 1337
export const APPLICATION_ID = 1000
/** The network between two hosts, of either family. Whatever is not on it is routed to the other host, where nobody has it. */
const ADDRESSES = [
  { address: '10.77.0.1', address6: 'fd77::1' },
  { address: '10.77.0.2', address6: 'fd77::2' },
] as const
/** Where a host has this project: whoever has checked it out may have done so in a folder that nobody else may enter. */
const PROJECT = '/mnt'
const NEEDED = { unshare: 'util-linux', nsenter: 'util-linux', setpriv: 'util-linux', ip: 'iproute2' } as const

/**
 * A machine of its own: namespaces for network, mounts and processes. They have no name, and the first process in them ends when the
 * test does, however that ends; with it the kernel ends all others, and takes the namespaces away.
 */
export class Host {
  readonly name: string
  readonly address: string
  readonly address6: string
  /** For files of this host; every user may read them. */
  readonly dir: string
  /** The first process in the host, as the tests see it. */
  readonly pid: number
  readonly #holder: Program

  constructor(name: string, dir: string, holder: Program, pid: number, addresses: (typeof ADDRESSES)[number]) {
    this.name = name
    this.dir = dir
    this.#holder = holder
    this.pid = pid
    this.address = addresses.address
    this.address6 = addresses.address6
  }

  /** A command as it runs in this host, as a user that has nothing but its number, with this project where every user may read it. */
  #inside(command: readonly string[], id = 0): readonly [string, ...string[]] {
    const enter = ['nsenter', '-t', String(this.pid), '-n', '-m', '-p'] as const
    const user = id === 0 ? [] : ['setpriv', '--reuid', String(id), '--regid', String(id), '--clear-groups']
    const words = command.map(word =>
      word.startsWith(projectRoot) ? `${PROJECT}/${word.slice(projectRoot.length)}` : word,
    )
    // Root's home is nobody else's: programs that keep their settings there would fail at it.
    const home = id === 0 ? [] : [`HOME=${this.dir}`]
    return [...enter, ...user, 'env', '-C', '/', ...home, ...words]
  }

  /** Runs a command to its end. */
  run(command: readonly string[], options: HostOptions = {}): Promise<Ran> {
    return run(this.#inside(command, options.id), withTools(options))
  }

  /** As `run`, and a command that fails is an error. */
  async must(command: readonly string[], options: HostOptions = {}): Promise<string> {
    const ran = await this.run(command, options)
    if (ran.code !== 0)
      throw new Error(`On ${this.name}: ${command.join(' ')} ended with ${ran.code}:\n${ran.stdout}${ran.stderr}`)
    return ran.stdout
  }

  start(command: readonly string[], options: HostOptions = {}): Program {
    return startProgram(this.#inside(command, options.id), withTools(options))
  }

  /** The command line, on the Node that runs the tests. */
  selvedge(args: readonly string[], options: HostOptions = {}): Promise<Ran> {
    return this.run([process.execPath, SELVEDGE, ...args], options)
  }

  startSelvedge(args: readonly string[], options: HostOptions = {}): Program {
    return this.start([process.execPath, SELVEDGE, ...args], options)
  }

  write(name: string, text: string): string {
    const path = join(this.dir, name)
    writeFileSync(path, text)
    return path
  }

  /** What names mean on this host, in the place of what its machine says. Any other has none, which is said at once. */
  async names(lines: readonly string[]): Promise<void> {
    const resolver = this.write('no-resolver', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
    await this.must(['mount', '--bind', resolver, '/etc/resolv.conf'])
    const file = this.write('hosts', ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n'))
    await this.must(['mount', '--bind', file, '/etc/hosts'])
  }

  /** Where this host looks names up that it does not know itself: at a server that never answers. */
  async breakDns(): Promise<void> {
    const file = this.write('resolv.conf', 'nameserver 192.0.2.53\noptions timeout:1 attempts:1\n')
    await this.must(['mount', '--bind', file, '/etc/resolv.conf'])
  }

  /** A packet capture of what passes between this host and the other. */
  capture(name: string, filter = 'tcp'): Promise<Capture> {
    return capture(join(this.dir, name), filter, {
      interface: 'wire',
      entering: ['nsenter', '-t', String(this.pid), '-n'],
    })
  }

  async end(): Promise<void> {
    await this.#holder.end()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

export interface HostOptions extends ProgramOptions {
  /** The user, and the group, that runs it. @default 0, root */
  readonly id?: number
  readonly timeoutMs?: number
}

export interface TwoHosts {
  readonly a: Host
  readonly b: Host
  end(): Promise<void>
}

/** Two hosts with a wire between them. Needs root and a few tools: what is missing is said, and is a failure. */
export async function twoHosts(): Promise<TwoHosts> {
  await needed()
  const a = await makeHost('a', ADDRESSES[0])
  let b: Host | undefined
  try {
    b = await makeHost('b', ADDRESSES[1])
    await connectHosts(a, b)
  } catch (thrown) {
    await Promise.all([a.end(), b?.end()])
    throw thrown
  }
  const hosts = { a, b }
  return { ...hosts, end: async () => void (await Promise.all([hosts.a.end(), hosts.b.end()])) }
}

async function needed(): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error('Cannot make network namespaces: not root. Run the tests as root, as .ci/run does')
  }
  for (const [tool, debian] of Object.entries(NEEDED)) {
    const found = await run(['sh', '-c', `command -v ${tool}`])
    if (found.code !== 0) {
      throw new Error(
        `Cannot make network namespaces: ${tool} is missing. Install the Debian package ${debian}, or run .ci/run`,
      )
    }
  }
}

async function makeHost(name: string, addresses: (typeof ADDRESSES)[number]): Promise<Host> {
  const dir = mkdtempSync(join(tmpdir(), `selvedge-host-${name}-`))
  chmodSync(dir, 0o777)
  // `cat` ends with its input, which ends with us. Its process is the first of the process namespace: all others end with it.
  const holder = startProgram(
    [
      'unshare',
      '--net',
      '--mount',
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      'sh',
      '-c',
      `ip link set lo up && mount --bind ${projectRoot} ${PROJECT} && echo up && exec cat`,
    ],
    { stdin: 'open' },
  )
  try {
    await holder.line(/^up$/, READY_MS)
    return new Host(name, dir, holder, childOf(holder), addresses)
  } catch (thrown) {
    await holder.end()
    rmSync(dir, { recursive: true, force: true })
    throw new Error(
      `Cannot make a host of its own: ${String(thrown)}. Namespaces may be forbidden here (in a container: --privileged)`,
    )
  }
}

/** Debian keeps them in sbin, which not every shell has on its PATH. */
function withTools<Options extends ProgramOptions>(options: Options): Options {
  return { ...options, env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...options.env } }
}

function childOf({ pid }: Program): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue
    try {
      // proc(5): the name, in parentheses, may hold anything; after it the state, then the parent.
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid) return Number(entry)
    } catch {
      // It has ended while we looked.
    }
  }
  throw new Error(`${pid} has no child`)
}

async function connectHosts(a: Host, b: Host): Promise<void> {
  const inside = ['nsenter', '-t', String(a.pid), '-n', 'ip', 'link', 'add', 'wire', 'type', 'veth'] as const
  const made = await run([...inside, 'peer', 'name', 'wire', 'netns', String(b.pid)], withTools({}))
  if (made.code !== 0) throw new Error(`Cannot lay a wire between the hosts: ${made.stderr}`)
  for (const [host, other] of [
    [a, b],
    [b, a],
  ] as const) {
    await host.must([
      ...['sh', '-ec'],
      [
        'ip link set wire up',
        `ip addr add ${host.address}/24 dev wire`,
        `ip -6 addr add ${host.address6}/64 dev wire nodad`,
        `ip route add default via ${other.address}`,
        `ip -6 route add default via ${other.address6}`,
      ].join('\n'),
    ])
  }
}
