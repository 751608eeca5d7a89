/** A refusal, shaped as the Kubernetes API's `Status`: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface Refusal {
  readonly code: 400 | 401 | 404 | 405 | 409 | 413 | 415 | 422 | 500 | 503
  /** One sentence: what could not be done, why, and what to do next. */
  readonly message: string
  readonly causes?: readonly RefusalCause[]
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

const REASONS: Readonly<Record<Refusal['code'], string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
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
