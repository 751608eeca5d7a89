/**
 * A log-linear histogram (as HdrHistogram's): eight cells for each power of two of microseconds, from 1 us to about 134 s,
 * so a quantile read from it is at most 12.5% off. Cell boundaries include all powers of two, which is where Prometheus buckets are cut.
 */
const SUB_BITS = 3
const SUB_CELLS = 1 << SUB_BITS
const POWERS = 27
export const LATENCY_CELLS = (POWERS - SUB_BITS + 1) * SUB_CELLS

/** The cell for a duration in microseconds (negative counts as 0, too long as the longest). */
export function latencyCell(us: number): number {
  const value = us < 0 ? 0 : us | 0
  if (us >= 2 ** POWERS) return LATENCY_CELLS - 1
  if (value < SUB_CELLS) return value
  const power = 31 - Math.clz32(value)
  return (power - SUB_BITS + 1) * SUB_CELLS + ((value >>> (power - SUB_BITS)) & (SUB_CELLS - 1))
}

/** The duration, in microseconds, at which a cell ends (exclusive). */
export function latencyCellEndUs(cell: number): number {
  if (cell < SUB_CELLS) return cell + 1
  const power = Math.floor(cell / SUB_CELLS) + SUB_BITS - 1
  const width = 2 ** (power - SUB_BITS)
  return 2 ** power + ((cell % SUB_CELLS) + 1) * width
}

/** The duration, in milliseconds, below which the share `quantile` (0 to 1) of what was counted lies; 0 when nothing was. */
export function latencyQuantileMs(cells: ArrayLike<number>, quantile: number): number {
  let total = 0
  for (let i = 0; i < cells.length; i++) total += cells[i] ?? 0
  if (total === 0) return 0
  let left = Math.max(1, Math.ceil(total * quantile))
  for (let i = 0; i < cells.length; i++) {
    left -= cells[i] ?? 0
    if (left <= 0) return latencyCellEndUs(i) / 1000
  }
  return latencyCellEndUs(cells.length - 1) / 1000
}
