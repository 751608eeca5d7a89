/**
 * Folders that a program keeps its own things in, and its private files there.
 * Invariants: what is made is its owner's alone (0700, 0600); what is there stays as it is; every path is answered, the odd ones too.
 */
export { makeFolder } from './make-folder.ts'
export { readPrivateFile, writePrivateFile } from './private-file.ts'
