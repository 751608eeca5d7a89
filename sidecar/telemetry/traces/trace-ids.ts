import type { Random } from '../../../common/mod.ts'

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
/** New traces that share the drawn part of their ids. */
const USES = 64
/** Knuth, The Art of Computer Programming, 6.4: 2^32 divided by the golden ratio. Odd, so that its multiples visit every 32-bit number once. */
const GOLDEN = 0x9e37_79b1

/** 16 hex digits, never all zero. */
export function newSpanId(random: Random): string {
  return word(draw(random)) + word(draw(random) | 1)
}

/**
 * Ids of new traces: nearly every request makes one, and throws it away unsampled. 24 of a trace id's 32 digits are drawn for USES traces
 * together; the other eight run through a sequence that is spread over all 32-bit numbers and never repeats within them. The root span's
 * id is the second half of its trace's.
 */
export class TraceIds {
  private readonly random: Random
  /** `00-`, then the 24 digits that are drawn. */
  private head = ''
  /** `-`, then the last eight of them. */
  private middle = ''
  private sequence: number
  private uses = 0

  constructor(random: Random) {
    this.random = random
    this.sequence = draw(random)
  }

  /** The `traceparent` of a new trace's root. */
  next(sampled: boolean): string {
    if (this.uses++ % USES === 0) this.drawAgain()
    this.sequence = (this.sequence + GOLDEN) | 0
    const last = word(this.sequence)
    return `${this.head}${last}${this.middle}${last}${sampled ? '-01' : '-00'}`
  }

  private drawAgain(): void {
    const middle = word(draw(this.random) | 1)
    this.head = `00-${newSpanId(this.random)}${middle}`
    this.middle = `-${middle}`
  }
}

function draw(random: Random): number {
  return (random() * 0x1_0000_0000) >>> 0
}

function word(n: number): string {
  return HEX[n >>> 24]! + HEX[(n >>> 16) & 255]! + HEX[(n >>> 8) & 255]! + HEX[n & 255]!
}
