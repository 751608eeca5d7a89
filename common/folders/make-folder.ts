import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

const OWNER_ALONE = 0o700

/**
 * Makes a folder and those above it that are missing; one that is there is left alone. Throws the system's error when that can't be.
 * Not `mkdirSync` with `recursive`: that tries for ever where a folder is there and takes no new ones, as /proc does (Node 26.10).
 */
export function makeFolder(path: string): void {
  const missing: string[] = []
  let nearest = resolve(path)
  while (!isFolder(nearest) && nearest !== dirname(nearest)) {
    missing.unshift(nearest)
    nearest = dirname(nearest)
  }
  for (const folder of missing) makeOne(folder)
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder, { mode: OWNER_ALONE })
  } catch (error) {
    // Somebody else may just have made it.
    if (!isFolder(folder)) throw error
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
