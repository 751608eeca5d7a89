/**
 * Folders that a program keeps its own things in.
 * Invariants: what is made is its owner's alone (0700); what is there stays as it is; every path is answered, the odd ones too.
 */
export { makeFolder } from './make-folder.ts'
