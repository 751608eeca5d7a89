import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readDescriptorsMax } from './admission.ts'
import { findMemoryBound, memoryReader, type ReadText } from './memory-bound.ts'
import type { MemoryReading } from './memory-level.ts'

/** Reads the memory of this process against `memoryMaxBytes`, else against its cgroup's limit, and against the limit of its heap. */
export function ownMemory(memoryMaxBytes: number | undefined): () => MemoryReading {
  const bound = findMemoryBound(memoryMaxBytes, totalmem(), readText)
  const heap = () => {
    const { used_heap_size: usedBytes, heap_size_limit: bytesMax } = getHeapStatistics()
    return { usedBytes, bytesMax }
  }
  const accountedBytes = () => {
    const { heapTotal, external } = process.memoryUsage()
    return heapTotal + external
  }
  return memoryReader(bound, { residentBytes: () => process.memoryUsage.rss(), accountedBytes, heap }, readText)
}

/** How many file descriptors this process may have now. */
export function descriptorsMax(): number {
  return readDescriptorsMax(readText)
}

let gc: (() => void) | undefined

/** Collects all garbage at once. Node gives no other way to ask for it in a process that runs. */
export function collectGarbage(): void {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc')
    gc = runInNewContext('gc') as () => void
  }
  gc()
}

const readText: ReadText = path => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
