// The command line's entry, imported by bin/selvedge.js. The two long-running programs take a short way around the tree of
// commands: a sidecar must be ready within 400 ms.
const args = process.argv.slice(2)
// `selvedge help sidecar` is `selvedge sidecar --help`.
const [name, ...rest] = args[0] === 'help' && args[1] !== undefined ? [args[1], '--help'] : args

if (name === 'sidecar') {
  const { runSidecar } = await import('./commands/sidecar.ts')
  await runSidecar(rest)
} else if (name === 'control-plane') {
  const { runControlPlane } = await import('./commands/control-plane.ts')
  await runControlPlane(rest)
} else if (name === 'precompile') {
  // Not in the help: `npm ci` runs it in a checkout.
  const { precompile } = await import('./commands/precompile.ts')
  await precompile(rest[0] === 'sidecar' ? 'sidecar' : 'commands')
} else {
  const { runCommand } = await import('./program.ts')
  await runCommand(name === undefined ? [] : [name, ...rest])
}
