/**
 * The kernel's redirect rules: what a person asks for, as rules in words, as the text of nft or iptables, and put in force by those tools.
 * Invariants: rules are a pure function of options; installing twice is installing once; a family's rules are there whole or not at all;
 * only a table and chains of our own name are touched; UDP never is.
 */
export { type BackendWish, thisMachine } from './backend.ts'
export type { CountedRule } from './installed.ts'
export { REDIRECT_DEFAULTS, type RedirectOptions } from './options.ts'
export { parseCidrs, parseIds, parsePortRanges } from './parse.ts'
export { dryRun, type InstalledState, install, type Look, remove, show } from './steps.ts'
