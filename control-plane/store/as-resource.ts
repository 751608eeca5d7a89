import type { ResourceContent, StoredResource } from './store.ts'

/** Fields of `metadata` that the server writes: ignored in what a user sends, so that what was read can be written back. */
const SERVER_METADATA = ['uid', 'resourceVersion', 'creationTimestamp', 'generation']

/** The resource as it is shown: its content, with what the store knows of it in the metadata. */
export function asResource(stored: StoredResource): ResourceContent {
  return {
    ...stored.content,
    metadata: {
      ...(stored.content.metadata as object),
      uid: stored.uid,
      resourceVersion: String(stored.resourceVersion),
      creationTimestamp: new Date(stored.createdMs).toISOString(),
    },
  }
}

/** What of a resource is kept: all but what the server itself writes (`status` too). */
export function asContent(resource: object): ResourceContent {
  const { status: _status, metadata, ...rest } = resource as { status?: unknown; metadata: object }
  const kept = Object.entries(metadata).filter(([field]) => !SERVER_METADATA.includes(field))
  return { ...rest, metadata: Object.fromEntries(kept) }
}
