/** All that one side of a TCP connection has sent, in order. */
export interface Flow {
  /** `address:port` of the sender, and of who it sent to. */
  readonly from: string
  readonly to: string
  readonly bytes: Buffer
  /** The capture has missed something: what follows it isn't in `bytes`. */
  readonly torn: boolean
}

/** One TCP segment as it was captured. */
export interface Segment {
  readonly from: string
  readonly to: string
  readonly sequence: number
  /** RFC 9293, 3.1: it opens a connection, and takes a number itself. */
  readonly syn: boolean
  readonly payload: Buffer
}

const SEQUENCES = 2 ** 32
/** RFC 8446, 5.1 and 5.2: type, version, length; the length is at most 2^14 + 256. */
const RECORD_HEADER_BYTES = 5
const RECORD_BYTES_MAX = 2 ** 14 + 256
/** RFC 8446, B.1: change_cipher_spec, alert, handshake, application_data. */
const RECORD_TYPES = [20, 21, 22, 23]

/** Puts the segments of each connection's sides together, as TCP does: by number, each byte once. Ports that are used again begin a new flow. */
export function flowsOf(segments: Iterable<Segment>): Flow[] {
  const open = new Map<string, Segment[]>()
  const all: Segment[][] = []
  for (const segment of segments) {
    const name = `${segment.from} ${segment.to}`
    const known = open.get(name)
    if (known === undefined || (segment.syn && segment.sequence !== known[0]?.sequence)) {
      const fresh = [segment]
      open.set(name, fresh)
      all.push(fresh)
    } else known.push(segment)
  }
  return all.map(flowOf).filter(({ bytes, torn }) => bytes.length > 0 || torn)
}

function flowOf(segments: readonly Segment[]): Flow {
  const [first] = segments
  if (first === undefined) throw new Error('A flow has a first segment')
  const { from, to } = first
  const start = first.syn ? first.sequence + 1 : first.sequence
  const placed = segments
    .filter(({ payload }) => payload.length > 0)
    .map(({ sequence, payload }) => ({ at: (sequence - start + SEQUENCES) % SEQUENCES, payload }))
    // A repeated probe of the byte before the first is none of it.
    .filter(({ at }) => at < SEQUENCES / 2)
    .sort((a, b) => a.at - b.at)
  const pieces: Buffer[] = []
  let end = 0
  for (const { at, payload } of placed) {
    if (at > end) return { from, to, bytes: Buffer.concat(pieces), torn: true }
    const fresh = payload.subarray(end - at)
    pieces.push(fresh)
    end += fresh.length
  }
  return { from, to, bytes: Buffer.concat(pieces), torn: false }
}

/** Where a flow holds anything but one TLS record after another, in words; `undefined`: nowhere. Its last record may be cut short by the capture's end. */
export function notTlsRecords({ from, to, bytes, torn }: Flow): string | undefined {
  const flow = `${from} to ${to}`
  if (torn) return `${flow}: the capture has missed some of it`
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 3)
    const head = bytes.subarray(at, at + RECORD_HEADER_BYTES)
    if (!RECORD_TYPES.includes(head.readUInt8(0)) || head.readUInt8(1) !== 3 || length > RECORD_BYTES_MAX)
      return `${flow}: byte ${at} of ${bytes.length} begins no TLS record: ${bytes.subarray(at, at + 40).toString('latin1')}`
    at += RECORD_HEADER_BYTES + length
  }
  return undefined
}
