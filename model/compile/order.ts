/** By code units: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

interface Aged {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly creationTimestamp?: string | undefined
  }
}

/** Gateway API's order of conflicting resources: the oldest first (those without an age last), then `namespace/name`. */
export function compareAge(a: Aged, b: Aged): number {
  const byTime = createdMs(a) - createdMs(b)
  // Two without an age: Infinity - Infinity is NaN.
  if (byTime !== 0 && !Number.isNaN(byTime)) return byTime
  return compareText(nameOf(a), nameOf(b))
}

function createdMs({ metadata }: Aged): number {
  return metadata.creationTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(metadata.creationTimestamp)
}

function nameOf({ metadata }: Aged): string {
  return `${metadata.namespace}/${metadata.name}`
}
