/**
 * Kubernetes manifests as people write them: YAML of several documents, with comments.
 * Invariants: what is not changed stays as it is written, comments and order too; values are read as kubectl reads them.
 */
export { injectText, joined } from './inject-text.ts'
export { type Installation, installationTexts, nextSteps } from './installation.ts'
