/**
 * Too much: of memory, of work in one turn of the event loop. Decides, from figures that are sampled a few times a second, whether new
 * connections and requests are still taken; the data path reads one boolean.
 * Invariants: what decides is given figures and time; a state is left at a lower mark than it is entered at; nothing here costs a request
 * more than that boolean.
 */
export {
  type AdmissionFacts,
  acceptedMax,
  descriptorsAreScarce,
  PAGES_CONNECTIONS_MAX,
  type RefusalReason,
  refusalReason,
} from './admission.ts'
export { LOOP_DELAY_BOUNDS_MS, LoopDelay } from './loop-delay.ts'
export type { MemoryReading } from './memory-level.ts'
export { OverloadWatch, TICK_MS } from './overload-watch.ts'
export { collectGarbage, descriptorsMax, type Heap, ownHeap, ownMemory } from './own-process.ts'
export { type Direction, Refusals } from './refusals.ts'
export { shed } from './shed.ts'
