declare const brand: unique symbol

/** A value that has been parsed once, at the edge, and need not be checked again. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }
