/**
 * Policy from a file of resources, which is parsed, checked and compiled here. A room of its own, as what that takes (a parser of YAML, all
 * schemas, 7 MB in each thread) is for those alone who have such a file.
 * Invariants: a faulty file changes nothing; a good edit is one update.
 */
export { type FileSourceLog, type FileSourceOptions, fileSource } from './file-source.ts'
export { type FileToLoad, type LoadedFile, loadFile } from './load-file.ts'
