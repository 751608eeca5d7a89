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
export function asContent(resource: { readonly metadata: object }): ResourceContent {
  const kept = Object.entries(resource.metadata).filter(([field]) => !SERVER_METADATA.includes(field))
  // The metadata keeps its place, since people read this.
  const { status: _status, ...content }: Record<string, unknown> = { ...resource, metadata: Object.fromEntries(kept) }
  return content
}
