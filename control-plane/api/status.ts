/** A refusal, shaped as the Kubernetes API's `Status`: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Refusal {
  readonly code: 400 | 401 | 403 | 404 | 405 | 409 | 410 | 413 | 415 | 422 | 429 | 500 | 503
  /** One sentence: what could not be done, why, and what to do next. */
  readonly message: string
  readonly causes?: readonly RefusalCause[]
  /** For a 409: what somebody else has written, `HTTPRoute bookshop/canary`. */
  readonly conflict?: string
  /** For a 409: the version that is there now. */
  readonly currentResourceVersion?: number | undefined
  /** For a 405: the methods that the path has. */
  readonly allow?: readonly string[]
}

export interface RefusalCause {
  /** `HTTPRoute bookshop/canary` */
  readonly resource: string
  /** `spec.rules[0].matches[0].path.value`; empty: the resource as a whole. */
  readonly field: string
  readonly message: string
}

/** The names that Kubernetes gives to these. */
export const REASONS: Readonly<Record<Refusal['code'], string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}

/** The `Status` object that a refusal is answered with. */
export function statusOf(refusal: Refusal): object {
  const { code, message, causes = [], currentResourceVersion } = refusal
  const details = {
    ...(causes.length === 0 ? {} : { causes: causes.map(cause => ({ reason: 'FieldValueInvalid', ...cause })) }),
    ...(currentResourceVersion === undefined ? {} : { currentResourceVersion: String(currentResourceVersion) }),
  }
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: REASONS[code],
    details,
    code,
  }
}

/** For a `continue` whose list cannot be gone on with. */
export const EXPIRED: Refusal = {
  code: 410,
  message: 'Cannot continue the list: what it was is no longer known. Begin it again, without continue.',
}

/** For a `continue` that no list has given. */
export const NO_CONTINUE: Refusal = {
  code: 400,
  message: 'Cannot use continue: it is not what a list has given. Begin the list again, without continue.',
}
