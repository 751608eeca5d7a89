import { describe, expect, it } from 'vitest'
import { asContent, asResource } from './mod.ts'

const written = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'a', labels: { app: 'a' } },
  spec: { ports: [] },
}

describe('a resource as it is kept and shown', () => {
  it('is shown with what the store knows of it, and kept again without', () => {
    const shown = asResource({
      ref: { kind: 'Service', namespace: 'default', name: 'a' },
      content: written,
      uid: 'u',
      resourceVersion: 7,
      createdMs: 0,
    })
    expect(shown.metadata).toEqual({
      ...written.metadata,
      uid: 'u',
      resourceVersion: '7',
      creationTimestamp: '1970-01-01T00:00:00.000Z',
    })
    const sent = { ...written, metadata: { ...(shown.metadata as object) }, status: { ready: true } }
    expect(asContent(sent)).toEqual(written)
  })

  it('keeps its fields in the order in which people read them', () => {
    expect(Object.keys(asContent(written))).toEqual(['apiVersion', 'kind', 'metadata', 'spec'])
  })
})
