// Runs after "npm ci" in a checkout: writes Node's compile cache, so that already the first start is quick and small. Plain JavaScript, for
// Node 20. What goes wrong here costs the first start some time and nothing else, so it fails no installation.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../bin/selvedge.js', import.meta.url))
// Without its sources this is not a checkout, and compiled JavaScript needs no types stripped.
if (existsSync(fileURLToPath(new URL('../cli/main.ts', import.meta.url)))) {
  // V8 keeps what it compiles apart for each set of its flags, and a sidecar has some of its own.
  for (const what of ['sidecar', 'commands'])
    spawnSync(process.execPath, [entry, 'precompile', what], { stdio: 'ignore' })
}
