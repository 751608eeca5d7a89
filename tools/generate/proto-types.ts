import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filesUnder } from './files.ts'

/** The TypeScript types of the wire contract, by their path below `generated/`. */
export function protoTypesOf(root: string): Map<string, string> {
  const protoFolder = join(root, 'proto')
  const protos = filesUnder(protoFolder).filter(path => path.startsWith('selvedge/') && path.endsWith('.proto'))
  const outDir = mkdtempSync(join(tmpdir(), 'selvedge-proto-types-'))
  try {
    const options = ['--grpcLib=@grpc/grpc-js', `--outDir=${outDir}`, '--importFileExtension=.ts', '--longs=Number']
    execFileSync(
      process.execPath,
      [
        join(root, 'node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js'),
        ...['-I', 'proto', ...options, '--defaults', '--arrays', '--oneofs', '--', ...protos],
      ],
      { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
    )
    return new Map(filesUnder(outDir).map(path => [path, readFileSync(join(outDir, path), 'utf8')]))
  } finally {
    rmSync(outDir, { recursive: true, force: true })
  }
}
