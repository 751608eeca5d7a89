/**
 * What the kubelet would ask the application over the network, asked from beside it: the kubelet has no certificate, and a redirected port answers
 * for every application, the dead ones too.
 * Invariants: only what the table names can be asked; an answer says yes or no, and why, but hands on nothing of the application's own; as many
 * askings run at once as the table has entries, twice, whoever asks.
 */
export { probePages } from './pages.ts'
export { type ApplicationProbes, type ProbeTarget, parseApplicationProbes } from './table.ts'
