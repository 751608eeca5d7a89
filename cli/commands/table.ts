import type { DefineCommand } from '../cli.ts'

/** A command as the list in `selvedge --help` shows it; its file is loaded when it is meant. */
export interface CommandEntry {
  readonly name: string
  readonly summary: string
  /** `undefined` for the programs: `main.ts` starts them without building any command. */
  readonly load: (() => Promise<DefineCommand>) | undefined
}

/** All commands, in the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'run a whole mesh on this machine: control plane, sidecars, your programs',
    load: async () => (await import('./up.ts')).defineUp,
  },
  {
    name: 'run',
    summary: 'run your own program, with a sidecar, in a running mesh',
    load: async () => (await import('./run.ts')).defineRun,
  },
  {
    name: 'apply',
    summary: 'create or change resources, all or nothing',
    load: async () => (await import('./apply.ts')).defineApply,
  },
  { name: 'get', summary: 'list resources, or show one', load: async () => (await import('./get.ts')).defineGet },
  {
    name: 'describe',
    summary: 'one resource, and what the mesh makes of it',
    load: async () => (await import('./describe.ts')).defineDescribe,
  },
  {
    name: 'delete',
    summary: 'delete resources, all or nothing',
    load: async () => (await import('./delete.ts')).defineDelete,
  },
  {
    name: 'diff',
    summary: 'what applying a file would change',
    load: async () => (await import('./diff.ts')).defineDiff,
  },
  {
    name: 'history',
    summary: 'who changed what, and when',
    load: async () => (await import('./history.ts')).defineHistory,
  },
  {
    name: 'rollback',
    summary: 'make what a revision changed as it was before',
    load: async () => (await import('./rollback.ts')).defineRollback,
  },
  {
    name: 'check',
    summary: 'whether the mesh is well',
    load: async () => (await import('./check.ts')).defineCheck,
  },
  { name: 'top', summary: 'live traffic of each edge', load: async () => (await import('./top.ts')).defineTop },
  { name: 'graph', summary: 'who calls whom', load: async () => (await import('./graph.ts')).defineGraph },
  {
    name: 'proxy',
    summary: 'the sidecars: who is connected, with which version',
    load: async () => (await import('./proxy.ts')).defineProxy,
  },
  {
    name: 'drain',
    summary: 'take a sidecar out of service, and wait until it carries nothing',
    load: async () => (await import('./drain.ts')).defineDrain,
  },
  {
    name: 'guard',
    summary: 'what vanished and is held back from sidecars; let it go',
    load: async () => (await import('./guard.ts')).defineGuard,
  },
  {
    name: 'trace',
    summary: 'one request across all sidecars',
    load: async () => (await import('./trace.ts')).defineTrace,
  },
  {
    name: 'token',
    summary: 'tokens: to join with a sidecar, and for the REST API',
    load: async () => (await import('./token.ts')).defineToken,
  },
  {
    name: 'intercept',
    summary: "have the kernel send a machine's connections through its sidecar",
    load: async () => (await import('./intercept.ts')).defineIntercept,
  },
  {
    name: 'cert',
    summary: 'certificates: make a CA, look into a file',
    load: async () => (await import('./cert.ts')).defineCert,
  },
  {
    name: 'inject',
    summary: 'put the sidecar into Kubernetes manifests',
    load: async () => (await import('./inject.ts')).defineInject,
  },
  {
    name: 'install',
    summary: 'print the Kubernetes manifests of a control plane',
    load: async () => (await import('./install.ts')).defineInstall,
  },
  {
    name: 'control-plane',
    summary: 'run the control plane alone',
    load: undefined,
  },
  {
    name: 'sidecar',
    summary: 'run one sidecar alone',
    load: undefined,
  },
  {
    name: 'version',
    summary: 'the version of this program, and of the control plane',
    load: async () => (await import('./version.ts')).defineVersion,
  },
]
