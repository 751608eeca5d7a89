/**
 * How the CLI reaches a control plane: which one (flags, environment, context file), and its REST API.
 * Invariants: only this room speaks HTTP; a failure is a `CliFailure` whose words say what to do next.
 */
export type * from './answers.ts'
export { ApiFailure, type Server, UnreachableFailure } from './client.ts'
export { type Context, isAlive, readContext, removeContext, writeContext } from './context.ts'
export { type KindName, kindOf } from './kinds.ts'
export { MeshApi } from './mesh-api.ts'
