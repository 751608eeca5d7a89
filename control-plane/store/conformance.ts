import { describe } from 'vitest'
import { historyConformance } from './conformance/history.fixture.ts'
import { type StoreBackend, storeUnderTest } from './conformance/kit.fixture.ts'
import { recordConformance } from './conformance/records.fixture.ts'
import { resourceConformance } from './conformance/resources.fixture.ts'

/** What every store promises, told as tests. Each backend's own test calls it. */
export function storeConformance(name: string, makeBackend: () => Promise<StoreBackend>): void {
  describe(`${name} is a store`, () => {
    const on = storeUnderTest(makeBackend)
    resourceConformance(on)
    historyConformance(on)
    recordConformance(on)
  })
}
