package dev.vidrio.template.call;

/** The outcome of reading one element of a call. */
enum Step {
  /** The element was read. */
  DONE,
  /** More text is needed. */
  MORE,
  /** The text is something else. */
  FAIL
}
