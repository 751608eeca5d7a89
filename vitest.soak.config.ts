import { defineConfig } from 'vitest/config'

const HOUR_MS = 3_600_000

/** The loops at their full length, one after another: `npm run soak`. */
export default defineConfig({
  test: {
    name: 'soak',
    include: ['**/*.loop.test.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    provide: { soak: true },
    fileParallelism: false,
    // One reporter more, so that docs/soak.md is written as loops end.
    reporters: ['default', './tools/soak/reporter.ts'],
    expect: { poll: { timeout: 5_000 } },
    testTimeout: HOUR_MS,
    hookTimeout: HOUR_MS,
  },
})
