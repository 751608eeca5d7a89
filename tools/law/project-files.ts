import { globSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSource, type SourceFile } from './source-file.ts'

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url))

/** Not ours to judge: installed, made by a tool, or compiled. */
const SKIPPED = /^(node_modules|dist|coverage|proto\/generated|\..*)(\/|$)/
/** Root files that configure tools, and belong to no room. */
const ROOT_FILE = /^[^/]+$/

/** Every TypeScript source of the project, read and parsed, in the order of its path. */
export function readProject(root: string = projectRoot): SourceFile[] {
  return globSync('**/*.ts', { cwd: root, exclude: path => SKIPPED.test(slashes(path)) })
    .map(slashes)
    .filter(path => !SKIPPED.test(path) && !ROOT_FILE.test(path))
    .sort()
    .map(path => readSource(path, readFileSync(join(root, path), 'utf8')))
}

function slashes(path: string): string {
  return sep === '/' ? path : path.split(sep).join('/')
}
