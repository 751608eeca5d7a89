// Everything has a limit. Those that more than one room needs stand here; the others stand beside the code that they bound.

/** A request's or an answer's head, names, values and line ends included. Apache and nginx: 8 KiB a field; we allow cookies of size. */
export const HEAD_BYTES_MAX = 64 * 1024
/** Fields in one head or one trailer section. */
export const HEAD_FIELDS_MAX = 100
/** The request line's target. RFC 9110, 4.1 asks for 8000 bytes at least. */
export const TARGET_BYTES_MAX = 16 * 1024
/** What may be kept of a request's body, so that it can be sent again. */
export const RETRY_BODY_BYTES_MAX = 64 * 1024
/** How long the first request to a service waits for the control plane's answer. */
export const FIRST_USE_WAIT_MS = 500
