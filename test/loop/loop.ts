import { inject, type TestContext } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether this is `npm run soak`, which runs the files named `x.loop.test.ts` at their full length. */
    soak: boolean
  }
  interface TaskMeta {
    figures?: Readonly<Record<string, number | string>>
  }
}

/** How often a loop goes round: `short` within `npm test`, `long` within `npm run soak`. */
export function times(short: number, long: number): number {
  return inject('soak') ? long : short
}

/** What a loop measured. `npm run soak` writes it to docs/soak.md; units belong to the names: `requests`, `growthPercent`. */
export function figures(context: TestContext, values: Readonly<Record<string, number | string>>): void {
  context.task.meta.figures = { ...context.task.meta.figures, ...values }
}
