/**
 * Too much: of memory, of work in one turn of the event loop. Decides, from figures that are sampled a few times a second, whether new
 * connections and requests are still taken; the data path reads one boolean.
 * Invariants: what decides is given figures and time; a state is left at a lower mark than it is entered at; nothing here costs a request
 * more than that boolean.
 */
export { LOOP_DELAY_BOUNDS_MS, LoopDelay } from './loop-delay.ts'
export type { MemoryReading } from './memory-level.ts'
export { OverloadWatch } from './overload-watch.ts'
export { collectGarbage, ownMemory } from './own-memory.ts'
export { shed } from './shed.ts'
