/** A share (0 to 1) in percent. Never rounds a failure away: what is below 1 is shown below 100%. */
export function percent(share: number): string {
  if (share >= 1) return '100%'
  if (share <= 0) return '0%'
  return `${Math.min(99.99, Math.floor(share * 10_000) / 100).toFixed(2)}%`
}

export function milliseconds(ms: number): string {
  if (ms >= 100) return `${Math.round(ms)} ms`
  return `${ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`
}

export function perSecond(rate: number): string {
  return rate >= 100 ? String(Math.round(rate)) : rate.toFixed(1)
}

/** How long ago, coarsely, as `12s`, `5m`, `3h`, `2d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)}m`
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** `1 sidecar`, `2 sidecars`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`
}
