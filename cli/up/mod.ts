/**
 * Supervises a mesh on one machine: the control plane, and for each program its sidecar, each a process (group) of its own.
 * Invariants: what dies is restarted, after a rest that grows, on the ports that its callers know; when we end, whatever ends us,
 * nobody is left behind (`guard.ts`); a user's program is handed its mesh by its environment alone.
 */
export { startGuard } from './guard.ts'
export type { Exit } from './launch.ts'
export { assembleMesh } from './mesh.ts'
export { type MeshFile, meshFileOf } from './mesh-file.ts'
export { type Output, plainOutput } from './output.ts'
export { systemWorld } from './supervised.ts'
export { makeTemporaryFolder } from './temporary-folder.ts'
export { runUp } from './up.ts'
