import { err, ok, type Result } from '../../common/mod.ts'
import { checkReferences, formatProblem, type Resource, type ResourceProblem } from '../../model/resources/mod.ts'
import {
  asContent,
  type Committed,
  type ResourceRef,
  refText,
  type Store,
  type StoreChange,
  type StoreError,
} from '../store/mod.ts'
import { reduceWorld, type WorldView } from '../world/mod.ts'
import type { Refusal } from './status.ts'

/** What writing takes: where to, and what the mesh is now. */
export interface Writer {
  readonly store: Store
  readonly world: WorldView
}

/** Writes, or with `dryRun` only says what writing would do. The refusal is ready to be answered. */
export async function write(
  { store }: Writer,
  changes: readonly StoreChange[],
  how: { readonly actor: string; readonly dryRun: boolean },
): Promise<Result<Committed, Refusal>> {
  const written = how.dryRun ? await store.preview(changes) : await store.commit(changes, how.actor)
  return written.ok ? written : err(storeRefusal(written.error))
}

export function refOf(resource: Resource): ResourceRef {
  const { namespace, name } = resource.metadata
  return { kind: resource.kind, namespace, name }
}

/** The change that writes a resource. A `resourceVersion` in its metadata must be the current one. */
export function putOf(resource: Resource): Result<StoreChange, Refusal> {
  const ref = refOf(resource)
  const version = resource.metadata.resourceVersion
  if (version !== undefined && !/^[0-9]{1,15}$/.test(version)) {
    const cause = {
      resource: refText(ref),
      field: 'metadata.resourceVersion',
      message: 'is not a version: give back the one that was read',
    }
    return err(invalid('write', [cause]))
  }
  const expectedResourceVersion = version === undefined ? undefined : Number(version)
  return ok({ kind: 'put', ref, content: asContent(resource), expectedResourceVersion })
}

/** What deserves a second look in `resources`, seen in the world as it will be with them. */
export function warningsOf({ world }: Writer, resources: readonly Resource[]): string[] {
  const puts = resources.map(resource => ({ kind: 'put', resource }) as const)
  return checkReferences(reduceWorld(world.state().world, puts), resources).map(formatProblem)
}

/** A 422 whose message tells every fault, for people, and whose causes do, for programs. */
export function invalid(
  verb: string,
  problems: readonly { resource: string; field: string; message: string; line?: number }[],
): Refusal {
  const sentences = problems.map(({ resource, field, message, line }) =>
    formatProblem({ resource, path: field, message, ...(line === undefined ? {} : { line }) }),
  )
  const [only] = sentences
  const message =
    sentences.length === 1
      ? `Cannot ${verb} ${only}`
      : `Cannot ${verb} these resources: there are ${sentences.length} problems\n${sentences.map(line => `  ${line}`).join('\n')}`
  return { code: 422, message, causes: problems.map(({ resource, field, message }) => ({ resource, field, message })) }
}

export function invalidResources(verb: string, problems: readonly ResourceProblem[]): Refusal {
  return invalid(
    verb,
    problems.map(({ path, ...rest }) => ({ ...rest, field: path })),
  )
}

function storeRefusal(error: StoreError): Refusal {
  if (error.code === 'unavailable') return { code: 503, message: error.message }
  const { ref, current } = error
  const state = current === undefined ? 'it is not there (any more)' : `its version is ${current} now`
  return {
    code: 409,
    message: `Cannot write ${refText(ref)}: ${state}. Read it again, and repeat the change.`,
    conflict: refText(ref),
    currentResourceVersion: current,
  }
}
