import { flushCompileCache } from 'node:module'
import { COMMANDS } from './table.ts'

/**
 * Loads what the programs and commands load, and writes Node's compile cache: a first start then needs not strip types, which takes twice
 * the time and 25 MB that stay. `npm ci` runs it in a checkout.
 */
export async function precompile(what: 'sidecar' | 'commands'): Promise<void> {
  await (what === 'sidecar' ? loadSidecar() : loadCommands())
  flushCompileCache()
}

async function loadSidecar(): Promise<void> {
  await import('./sidecar.ts')
  const { preload } = await import('../../sidecar/app.ts')
  await preload()
}

async function loadCommands(): Promise<void> {
  await import('../program.ts')
  for (const { load } of COMMANDS) await load?.()
  await import('./control-plane.ts')
  await import('../../control-plane/app.ts')
  await import('yaml')
}
