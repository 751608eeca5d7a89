import type { MemoryReading } from './memory-level.ts'

/** Reads a small text file; `undefined` where it isn't there. */
export type ReadText = (path: string) => string | undefined

/** What bounds the memory of this process from outside. */
export type MemoryBound =
  | { readonly kind: 'memory-max'; readonly bytesMax: number }
  | {
      readonly kind: 'cgroup'
      readonly bytesMax: number
      readonly usagePath: string
      readonly statPath: string
      /** The line of `statPath` that says how much is file cache that the kernel takes back first. */
      readonly reclaimable: string
    }
  | { readonly kind: 'none' }

/** What the process says of itself. */
export interface OwnMemory {
  residentBytes(): number
  heap(): {
    readonly usedBytes: number
    readonly bytesMax: number
    /** What V8 has from the system, and what its objects hold outside of its heap. */
    readonly accountedBytes: number
  }
}

/** Resident memory that has grown by less than this share of its bound has not grown. */
const RETAINED_SLACK_RATIO = 0.01

const ROOT = '/sys/fs/cgroup'
/** The two hierarchies, by what their files are called: cgroup v2 (kernel's admin-guide/cgroup-v2.rst), and v1 (cgroup-v1/memory.rst). */
const V2 = { folder: ROOT, max: 'memory.max', usage: 'memory.current', reclaimable: 'inactive_file' }
const V1 = {
  folder: `${ROOT}/memory`,
  max: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  reclaimable: 'total_inactive_file',
}

/**
 * Finds what bounds us: `given` (`--memory-max`) where there is one, else the lowest limit of our cgroup and those around it, else
 * nothing. A limit that the machine itself is below (v1 writes "none" as a number of 19 digits) is no limit.
 */
export function findMemoryBound(given: number | undefined, machineBytes: number, read: ReadText): MemoryBound {
  if (given !== undefined) return { kind: 'memory-max', bytesMax: given }
  const groups = read('/proc/self/cgroup') ?? ''
  const v1 = /^[0-9]+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(groups)?.[1]
  const v2 = /^0::(\/.*)$/m.exec(groups)?.[1]
  const found = [
    ...(v1 === undefined ? [] : boundsUpwards(V1, v1, read)),
    ...(v2 === undefined ? [] : boundsUpwards(V2, v2, read)),
  ].filter(({ bytesMax }) => bytesMax > 0 && bytesMax < machineBytes)
  return found.toSorted((a, b) => a.bytesMax - b.bytesMax)[0] ?? { kind: 'none' }
}

type CgroupBound = Extract<MemoryBound, { kind: 'cgroup' }>

/** A container without a namespace of its own sees its path from outside, but only its own folder, as the root: folders that aren't there are passed over. */
function boundsUpwards(version: typeof V2, path: string, read: ReadText): CgroupBound[] {
  const found: CgroupBound[] = []
  for (let at = path.replace(/\/+$/, ''); ; at = at.slice(0, at.lastIndexOf('/'))) {
    const text = read(`${version.folder}${at}/${version.max}`)?.trim()
    if (text !== undefined && /^[0-9]+$/.test(text)) {
      found.push({
        kind: 'cgroup',
        bytesMax: Number(text),
        usagePath: `${version.folder}${at}/${version.usage}`,
        statPath: `${version.folder}${at}/memory.stat`,
        reclaimable: version.reclaimable,
      })
    }
    if (at === '') return found
  }
}

/**
 * Reads how much is used of what bounds us, from outside or from within: V8's heap has a limit of its own, and a process at that one dies
 * as surely. Costs some 50 us.
 */
export function memoryReader(bound: MemoryBound, own: OwnMemory, read: ReadText): () => MemoryReading {
  const retained = retainedMemory(bound.kind === 'none' ? 0 : bound.bytesMax * RETAINED_SLACK_RATIO)
  return () => {
    const { usedBytes, bytesMax, accountedBytes } = own.heap()
    const heap: MemoryReading = { of: 'javascript-heap', usedBytes, bytesMax, ratio: usedBytes / bytesMax }
    const residentBytes = own.residentBytes()
    const outer = outerReading(bound, residentBytes, retained(residentBytes, accountedBytes), read)
    return outer.ratio >= heap.ratio ? outer : heap
  }
}

/**
 * Estimates what the program has given back and its allocator has not: it keeps the pages of what was freed between two things that
 * weren't. Seen after a burst: 280 of 374 MB. That is used again before anything more is asked for, and counted as used it would have us
 * refuse for ever. It is what the accounted memory has fallen by since resident memory was highest, less what that has fallen by
 * itself; and no more than leaves room for what is accounted for now, and for the program itself. Memory that grows beyond where it
 * ever was counts whole: then what was kept was of no use.
 */
export function retainedMemory(slackBytes: number): (residentBytes: number, accountedBytes: number) => number {
  let programBytes: number | undefined
  let peakBytes = 0
  let peakAccountedBytes = 0
  return (residentBytes, accountedBytes) => {
    programBytes ??= Math.max(0, residentBytes - accountedBytes)
    if (residentBytes > peakBytes + slackBytes) {
      peakBytes = residentBytes
      peakAccountedBytes = accountedBytes
    } else peakAccountedBytes = Math.max(peakAccountedBytes, accountedBytes)
    const given = peakAccountedBytes - accountedBytes - (peakBytes - residentBytes)
    return Math.max(0, Math.min(given, residentBytes - accountedBytes - programBytes))
  }
}

function outerReading(bound: MemoryBound, residentBytes: number, retainedBytes: number, read: ReadText): MemoryReading {
  if (bound.kind === 'none') return { of: 'none', usedBytes: residentBytes, bytesMax: 0, ratio: 0 }
  const { kind: of, bytesMax } = bound
  const usedBytes = (bound.kind === 'cgroup' ? cgroupUse(bound, residentBytes, read) : residentBytes) - retainedBytes
  return { of, usedBytes, bytesMax, ratio: usedBytes / bytesMax }
}

/**
 * What the kernel counts against the limit (with socket buffers, which no resident memory shows), less the file cache that it takes
 * back before it kills. Where others use more than half of it, the cgroup isn't ours alone, and refusing our requests would not
 * bring their memory back: then we answer for our own.
 */
function cgroupUse(bound: CgroupBound, residentBytes: number, read: ReadText): number {
  const usage = Number(read(bound.usagePath) ?? Number.NaN)
  const stat = new RegExp(`^${bound.reclaimable} ([0-9]+)$`, 'm').exec(read(bound.statPath) ?? '')?.[1]
  const used = usage - Number(stat ?? 0)
  return Number.isFinite(used) && residentBytes * 2 >= used ? used : residentBytes
}
