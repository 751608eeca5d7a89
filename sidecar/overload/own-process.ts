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
  let residentBytes = 0
  return memoryReader(
    bound,
    {
      residentBytes: () => {
        residentBytes = residentMemory() ?? residentBytes
        return residentBytes
      },
      heap: () => {
        const { used_heap_size, heap_size_limit, total_heap_size, external_memory } = getHeapStatistics()
        return {
          usedBytes: used_heap_size,
          bytesMax: heap_size_limit,
          accountedBytes: total_heap_size + external_memory,
        }
      },
    },
    readText,
  )
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
