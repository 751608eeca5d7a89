import { describe, expect, test } from 'vitest'
import { newSharedMemory, SharedMemory } from './mod.ts'

function memoryOf(workers: number): [SharedMemory, SharedMemory] {
  const buffers = newSharedMemory(workers)
  // As two threads see it.
  return [new SharedMemory(buffers), new SharedMemory(buffers)]
}

describe('memory that threads share', () => {
  test('tells workers what the main thread has found', () => {
    const [main, worker] = memoryOf(2)
    expect([worker.flag('connected'), worker.flag('refusesRequests')]).toEqual([false, false])
    main.setFlag('connected', true)
    main.setFlag('refusesConnections', true)
    expect([worker.flag('connected'), worker.flag('refusesConnections'), worker.flag('refusesRequests')]).toEqual([
      true,
      true,
      false,
    ])
    main.setFlag('connected', false)
    expect(worker.flag('connected')).toBe(false)
  })

  test('tells the main thread how each worker fares; one that has said nothing uses nothing', () => {
    const [main, worker] = memoryOf(2)
    worker.tellTick(1, 7, 250)
    worker.tellHeap(1, { usedBytes: 10, bytesMax: 100, accountedBytes: 40 })
    expect([main.ticks(0), main.ticks(1), main.stalledMs(1)]).toEqual([0, 7, 250])
    expect(main.heaps()).toEqual([
      { usedBytes: 0, bytesMax: Number.POSITIVE_INFINITY, accountedBytes: 0 },
      { usedBytes: 10, bytesMax: 100, accountedBytes: 40 },
    ])
  })

  test('tells a worker what all the others have', () => {
    const [, memory] = memoryOf(3)
    memory.tellConnections(0, 1, 2, 3)
    memory.tellConnections(1, 10, 20, 30)
    memory.tellConnections(2, 100, 200, 300)
    expect(memory.connectionsBeside(1, 'inbound')).toBe(101)
    expect(memory.connectionsBeside(0, 'outbound')).toBe(220)
    expect(memory.connectionsBeside(2, 'made')).toBe(33)
  })

  test('waits until all have collected, and for no longer than it is told', () => {
    const [main, worker] = memoryOf(2)
    worker.tellCollected()
    worker.tellCollected()
    expect(main.collected).toBe(2)
    main.awaitCollected(2, 60_000)
    const beginMs = performance.now()
    main.awaitCollected(3, 20)
    expect(performance.now() - beginMs).toBeGreaterThanOrEqual(19)
  })
})
