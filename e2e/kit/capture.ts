import { readFileSync } from 'node:fs'
import { killQuietly, type Program, run, startProgram } from './program.ts'

const LISTENS_MS = 10_000
const PCAP_HEADER_BYTES = 24
const RECORD_HEADER_BYTES = 16
/** Snap length: more than a packet of the loopback has. */
const PACKET_BYTES_MAX = 262_144

/** A packet capture of TCP ports on the loopback, by tcpdump. */
export interface Capture {
  /** Ends the capture and returns all TCP payload bytes, packet by packet. */
  stop(): Promise<Buffer[]>
}

/** Throws, with the package to install, on a machine that has no tcpdump or may not use it. */
export async function capture(file: string, ports: readonly number[]): Promise<Capture> {
  const found = await run(['sh', '-c', 'PATH="$PATH:/usr/sbin:/sbin"; command -v tcpdump'])
  const tcpdump = found.stdout.trim()
  if (tcpdump === '') {
    throw new Error('Cannot capture packets: tcpdump is missing. Install the Debian package tcpdump, or run .ci/run')
  }
  const filter = ports.map(port => `tcp port ${port}`).join(' or ')
  const program: Program = startProgram([
    tcpdump,
    // -U and --immediate-mode: what has been on the wire is in the file.
    ...['-i', 'lo', '-U', '--immediate-mode', '-n', '-s', String(PACKET_BYTES_MAX), '-B', '65536', '-Z', 'root'],
    ...['-w', file, filter],
  ])
  await program.line(/listening on lo/, LISTENS_MS).catch(async thrown => {
    await program.end()
    throw new Error(`Cannot capture packets: ${String(thrown)}. Capturing needs root, or CAP_NET_RAW`)
  })
  return {
    async stop() {
      program.signal('SIGINT')
      const late = setTimeout(() => killQuietly(program.pid), LISTENS_MS)
      await program.exited
      clearTimeout(late)
      return payloads(readFileSync(file))
    },
  }
}

/** The TCP payloads of a capture file of the loopback, whose packets begin with an Ethernet header. */
function payloads(pcap: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = PCAP_HEADER_BYTES; at + RECORD_HEADER_BYTES <= pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8)
    const packet = pcap.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length)
    const payload = payloadOf(packet)
    if (payload.length > 0) found.push(payload)
    at += RECORD_HEADER_BYTES + length
  }
  return found
}

/** RFC 791 and RFC 9293: Ethernet (14 bytes), IPv4 with its length in words, TCP with its length in words. */
function payloadOf(packet: Buffer): Buffer {
  const ip = 14
  if (packet.length < ip + 40 || packet.readUInt16BE(12) !== 0x0800) return Buffer.alloc(0)
  const tcp = ip + (packet.readUInt8(ip) & 0x0f) * 4
  const end = ip + packet.readUInt16BE(ip + 2)
  return packet.subarray(tcp + (packet.readUInt8(tcp + 12) >> 4) * 4, end)
}
