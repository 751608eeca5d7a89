// `npm run generate`: makes what is derived from sources and kept in the repository: the CRDs of our own kinds, the reference of all
// kinds, the types of the wire contract. With `--check` it writes nothing, and fails when what is kept differs.
import { KINDS } from '../model/resources/mod.ts'
import { crdOf } from './generate/crd.ts'
import { differencesOf, type Generated, writeGenerated } from './generate/files.ts'
import { protoTypesOf } from './generate/proto-types.ts'
import { referenceOf } from './generate/reference.ts'
import { projectRoot } from './law/project-files.ts'

const OWN_GROUP = 'selvedge.dev'

function generate(): Generated {
  const files = new Map<string, string>()
  for (const info of KINDS.filter(({ group }) => group === OWN_GROUP)) {
    files.set(`k8s/crds/${OWN_GROUP}_${info.plural}.yaml`, crdOf(info))
  }
  files.set('docs/resources.md', referenceOf())
  for (const [path, text] of protoTypesOf(projectRoot)) files.set(`proto/generated/${path}`, text)
  return { files, folders: ['k8s/crds', 'proto/generated'] }
}

const options = process.argv.slice(2)
const unknown = options.find(option => option !== '--check')
const generated = unknown === undefined ? generate() : undefined
if (generated === undefined) {
  console.error(`Cannot generate: "${unknown}" is not an option. Use --check, or nothing.`)
  process.exitCode = 2
} else if (options.includes('--check')) {
  const differences = differencesOf(projectRoot, generated)
  for (const difference of differences) console.error(difference)
  if (differences.length > 0) console.error('Generated files differ from their sources. Run: npm run generate')
  process.exitCode = differences.length > 0 ? 1 : 0
} else {
  writeGenerated(projectRoot, generated)
  console.log(`${generated.files.size} files are up to date`)
}
