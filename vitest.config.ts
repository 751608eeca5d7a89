import { defineConfig } from 'vitest/config'

const rooms = [
  'common',
  'model',
  'decide',
  'certs',
  'proto',
  'sidecar',
  'control-plane',
  'cli',
  'tools',
  'bench',
  'k8s',
]

export default defineConfig({
  test: {
    maxWorkers: 2,
    // Loops are short here; `npm run soak` runs them at their full length.
    provide: { soak: false },
    projects: [
      // Beside their source: no processes, virtual time. Properties are tried thousands of times, also where two cores are shared by many.
      { test: { name: 'unit', include: rooms.map(room => `${room}/**/*.test.ts`), testTimeout: 20_000 } },
      // Real sockets, in one process.
      {
        test: {
          name: 'in-process',
          include: ['test/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // A second, the default, is short on a machine that does something else besides.
          expect: { poll: { timeout: 5_000 } },
        },
      },
      // Whole programs, one after another: they share two cores.
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          // Whole programs on a machine that is busy with others: what fails twice is a fault.
          retry: 1,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
