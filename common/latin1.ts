/** Node's own method for one encoding, without the look at which one it is. `@types/node` doesn't list it. */
interface Latin1Sliceable {
  latin1Slice(start: number, end: number): string
}

/** The bytes from `start` to `end` as text, one character a byte. */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return (bytes as Buffer & Latin1Sliceable).latin1Slice(start, end)
}
