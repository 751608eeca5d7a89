import { defineConfig } from 'vitest/config'

/** Against a real Kubernetes API server: `npm run kubernetes`, which builds it first. */
export default defineConfig({
  test: {
    name: 'kubernetes',
    include: ['e2e/kubernetes/*.cluster.ts'],
    fileParallelism: false,
    provide: { soak: false },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
