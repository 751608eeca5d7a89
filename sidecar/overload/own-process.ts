import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readDescriptorsMax } from './admission.ts'
import { findMemoryBound, memoryReader, type OwnMemory, type ReadText } from './memory-bound.ts'
import type { MemoryReading } from './memory-level.ts'

/** A thread has a heap of its own, with a limit of its own; the memory of the process is that of all of them. */
export type Heap = ReturnType<OwnMemory['heap']>

/** The heap of the thread that asks. */
export function ownHeap(): Heap {
  const { used_heap_size, heap_size_limit, total_heap_size, external_memory } = getHeapStatistics()
  return { usedBytes: used_heap_size, bytesMax: heap_size_limit, accountedBytes: total_heap_size + external_memory }
}

/**
 * Reads the memory of this process against `memoryMaxBytes`, else against its cgroup's limit, and against the limits of its heaps:
 * that of this thread, and those of `others`.
 */
export function ownMemory(
  memoryMaxBytes: number | undefined,
  others: () => readonly Heap[] = () => [],
): () => MemoryReading {
  const bound = findMemoryBound(memoryMaxBytes, totalmem(), readText)
  let residentBytes = 0
  return memoryReader(
    bound,
    {
      residentBytes: () => {
        residentBytes = residentMemory() ?? residentBytes
        return residentBytes
      },
      heap: () => fullestHeap([ownHeap(), ...others()]),
    },
    readText,
  )
}

/** The one that is nearest to its limit, with what all of them account for. */
function fullestHeap(heaps: readonly Heap[]): Heap {
  const fullest = heaps.reduce((a, b) => (b.usedBytes * a.bytesMax > a.usedBytes * b.bytesMax ? b : a))
  return { ...fullest, accountedBytes: heaps.reduce((sum, { accountedBytes }) => sum + accountedBytes, 0) }
}

/** To know it, the kernel is asked through a file: without any descriptor left there is no answer. */
function residentMemory(): number | undefined {
  try {
    return process.memoryUsage.rss()
  } catch {
    return undefined
  }
}

/** How many file descriptors this process may have now; infinite where that can't be known, `before` where not one is left to ask with. */
export function descriptorsMax(before?: number): number {
  return readDescriptorsMax(readText, before)
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
