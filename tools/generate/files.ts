import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'

/** Every file below a folder, relative to it, with `/` between names; none when it isn't there. */
export function filesUnder(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}

export interface Generated {
  /** Text by path from the project's root. */
  readonly files: ReadonlyMap<string, string>
  /** Folders that hold generated files and nothing else. */
  readonly folders: readonly string[]
}

/** In what the project's files differ from what is generated: changed, missing, or there without a source. */
export function differencesOf(root: string, { files, folders }: Generated): string[] {
  const differences: string[] = []
  for (const [path, text] of files) {
    const full = join(root, path)
    if (!existsSync(full)) differences.push(`${path} is missing`)
    else if (readFileSync(full, 'utf8') !== text) differences.push(`${path} is out of date`)
  }
  for (const path of strays(root, { files, folders })) differences.push(`${path} has no source any more`)
  return differences
}

/** Makes the project's files what is generated. */
export function writeGenerated(root: string, generated: Generated): void {
  for (const [path, text] of generated.files) {
    const full = join(root, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
  }
  for (const path of strays(root, generated)) rmSync(join(root, path))
}

function strays(root: string, { files, folders }: Generated): string[] {
  return folders
    .flatMap(folder => filesUnder(join(root, folder)).map(path => `${folder}/${path}`))
    .filter(path => !files.has(path))
}
