import { readFileSync } from 'node:fs'
import { type Flow, flowsOf, type Segment } from './flows.ts'
import { killQuietly, type Program, run, startProgram } from './program.ts'

const LISTENS_MS = 10_000
const PCAP_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
/** IANA's number. */
const TCP = 6
/** Snap length: more than a packet of the loopback has. */
const PACKET_BYTES_MAX = 262_144

/** A packet capture of TCP ports on the loopback, by tcpdump. */
export interface Capture {
  /** Ends the capture and returns all TCP payload bytes, packet by packet. */
  stop(): Promise<Buffer[]>
  /** Ends the capture and tells how many packets it has seen, of whatever protocol. */
  packets(): Promise<number>
  /** Ends the capture and returns what each side of each TCP connection has sent. */
  flows(): Promise<Flow[]>
}

export interface CaptureOptions {
  /** @default 'lo' */
  readonly interface?: string
  /** What comes before the command, to have it run elsewhere. */
  readonly entering?: readonly [string, ...string[]]
}

/** Throws, with the package to install, on a machine that has no tcpdump or may not use it. `what`: TCP ports, or a filter of pcap-filter(7). */
export async function capture(
  file: string,
  what: readonly number[] | string,
  options: CaptureOptions = {},
): Promise<Capture> {
  const found = await run(['sh', '-c', 'PATH="$PATH:/usr/sbin:/sbin"; command -v tcpdump'])
  const tcpdump = found.stdout.trim()
  if (tcpdump === '') {
    throw new Error('Cannot capture packets: tcpdump is missing. Install the Debian package tcpdump, or run .ci/run')
  }
  const filter = typeof what === 'string' ? what : what.map(port => `tcp port ${port}`).join(' or ')
  const program: Program = startProgram([
    ...(options.entering ?? (['env'] as const)),
    tcpdump,
    // -U and --immediate-mode: what has been on the wire is in the file.
    ...[
      '-i',
      options.interface ?? 'lo',
      '-U',
      '--immediate-mode',
      '-n',
      '-s',
      String(PACKET_BYTES_MAX),
      '-B',
      '65536',
      '-Z',
      'root',
    ],
    ...['-w', file, filter],
  ])
  await program.line(/listening on /, LISTENS_MS).catch(async thrown => {
    await program.end()
    throw new Error(`Cannot capture packets: ${String(thrown)}. Capturing needs root, or CAP_NET_RAW`)
  })
  const end = async (): Promise<Buffer> => {
    program.signal('SIGINT')
    const late = setTimeout(() => killQuietly(program.pid), LISTENS_MS)
    await program.exited
    clearTimeout(late)
    return readFileSync(file)
  }
  return {
    stop: async () => [...recordsOf(await end())].map(payloadOf).filter(payload => payload.length > 0),
    packets: async () => [...recordsOf(await end())].length,
    flows: async () => flowsOf([...recordsOf(await end())].flatMap(segmentOf)),
  }
}

/** The packets of a capture file, each beginning with an Ethernet header. */
function* recordsOf(pcap: Buffer): Generator<Buffer> {
  for (let at = PCAP_HEADER_BYTES; at + RECORD_HEADER_BYTES <= pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8)
    yield pcap.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length)
    at += RECORD_HEADER_BYTES + length
  }
}

function payloadOf(packet: Buffer): Buffer {
  return segmentOf(packet)[0]?.payload ?? Buffer.alloc(0)
}

/** RFC 791, RFC 8200 and RFC 9293: Ethernet (14 bytes), IPv4 with its length in words or IPv6 without extensions, TCP with its length in words. */
function segmentOf(packet: Buffer): [Segment] | [] {
  const ip = 14
  if (packet.length < ip + 40) return []
  const version = packet.readUInt8(ip) >> 4
  const tcp = ip + (version === 4 ? (packet.readUInt8(ip) & 0x0f) * 4 : 40)
  const end = version === 4 ? ip + packet.readUInt16BE(ip + 2) : tcp + packet.readUInt16BE(ip + 4)
  const protocol = packet.readUInt8(ip + (version === 4 ? 9 : 6))
  if (protocol !== TCP || packet.length < tcp + 20) return []
  const [source, destination] = version === 4 ? [ip + 12, ip + 16] : [ip + 8, ip + 24]
  const hostOf = (at: number): string =>
    version === 4 ? packet.subarray(at, at + 4).join('.') : `[${packet.toString('hex', at, at + 16)}]`
  return [
    {
      from: `${hostOf(source)}:${packet.readUInt16BE(tcp)}`,
      to: `${hostOf(destination)}:${packet.readUInt16BE(tcp + 2)}`,
      sequence: packet.readUInt32BE(tcp + 4),
      syn: (packet.readUInt8(tcp + 13) & 0x02) !== 0,
      payload: packet.subarray(tcp + (packet.readUInt8(tcp + 12) >> 4) * 4, end),
    },
  ]
}
