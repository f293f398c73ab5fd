// The bounds of a configuration's language: what hostile or runaway input may cost before it is refused.

export const CONFIG_LIMITS = {
  /** Lists and maps inside one another, counted through includes and environment variables. */
  nestingDepth: 1000,
  /** Files (or environment variables) that are being read inside one another. */
  includeDepth: 64,
  /** Files and environment variables read for one configuration, each time counted. */
  sources: 10_000,
  /** Characters of all files and environment variables read for one configuration. */
  textChars: 64 * 1024 * 1024,
  /** Characters and values that variables put in place, counted as if each were written out. */
  variableChars: 16 * 1024 * 1024,
  /** Characters of an error's quotation, and of a line in an excerpt. */
  quotationChars: 120,
} as const;
