/**
 * Two methods that every Buffer has and that its types leave out. `toString('latin1')` and `write(text, at, 'latin1')` look at the name of
 * the encoding and at each argument first: that is a third of the cost for texts as short as names and values.
 */
export interface Latin1Buffer extends Buffer {
  latin1Slice(from: number, to: number): string
  latin1Write(text: string, at: number): number
}

/** A piece of bytes as text. */
export function latin1Text(bytes: Buffer, from: number, to: number): string {
  return (bytes as Latin1Buffer).latin1Slice(from, to)
}

/** Writes `text`, one byte for each character, and returns the offset behind it. */
export function writeLatin1(bytes: Buffer, at: number, text: string): number {
  return at + (bytes as Latin1Buffer).latin1Write(text, at)
}
