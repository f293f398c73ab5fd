// What a subject is: tokens joined by dots, `*` for one token and `>` for one or more at the end.
// Subjects are latin1 strings here, one character per byte. Wildcards count only as whole tokens (`foo*` is literal).

const DOT = 0x2e;
const STAR = 0x2a;
const FULL = 0x3e;

/** A subject that cannot be used where it was given. */
export class SubjectError extends Error {
  readonly code: "INVALID_SUBJECT" = "INVALID_SUBJECT";
  readonly subject: string;

  constructor(subject: string) {
    super(`invalid subject ${JSON.stringify(subject)}`);
    this.name = "SubjectError";
    this.subject = subject;
  }
}

/** Whether a subscription may have this subject: no empty token, `>` only as the last token. Blanks are not looked at. */
export function isValidSubject(subject: string): boolean {
  if (!hasOnlyTokens(subject, 0)) return false;
  for (let at = subject.indexOf(">"); at !== -1 && at < subject.length - 1; at = subject.indexOf(">", at + 1)) {
    if (isWholeToken(subject, at)) return false;
  }
  return true;
}

/** What the subject of a subscription is, as it stands in bytes. */
export const SubjectKind = {
  /** It has an empty token, or a `>` before the end. */
  invalid: 0,
  /** No token is a wildcard. */
  literal: 1,
  wildcard: 2,
} as const;
export type SubjectKind = (typeof SubjectKind)[keyof typeof SubjectKind];
/** That of a valid subject. */
export type ValidKind = Exclude<SubjectKind, typeof SubjectKind.invalid>;

/** As `isValidSubject` and `isLiteral` together, before there is a string. */
export function subjectKindOf(bytes: Uint8Array, start: number, end: number): SubjectKind {
  let kind: SubjectKind = SubjectKind.literal;
  let tokenStart = start;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === DOT) {
      if (at === tokenStart) return SubjectKind.invalid;
      tokenStart = at + 1;
    } else if ((byte === STAR || byte === FULL) && at === tokenStart) {
      const isLast = at + 1 === end;
      if (!isLast && bytes[at + 1] !== DOT) continue;
      if (byte === FULL && !isLast) return SubjectKind.invalid;
      kind = SubjectKind.wildcard;
    }
  }
  return tokenStart === end ? SubjectKind.invalid : kind;
}

/** Whether no token is a wildcard. Does not check that the subject is valid. */
export function isLiteral(subject: string): boolean {
  for (let at = 0; at < subject.length; at++) {
    const char = subject.charCodeAt(at);
    if ((char === STAR || char === FULL) && isWholeToken(subject, at)) return false;
  }
  return true;
}

/** Whether a message may be published to this subject: no empty and no wildcard token. Blanks are not looked at. */
export function isValidLiteral(subject: string): boolean {
  return hasOnlyTokens(subject, 0) && isLiteral(subject);
}

/** Whether the subject holds a blank (space, tab, line feed, form feed, carriage return); configured subjects may not. */
export function hasBlank(subject: string): boolean {
  return /[\t\n\f\r ]/.test(subject);
}

/** The number of tokens, empty ones included; 0 for the empty subject. */
export function tokenCount(subject: string): number {
  if (subject.length === 0) return 0;
  let count = 1;
  for (let at = subject.indexOf("."); at !== -1; at = subject.indexOf(".", at + 1)) count++;
  return count;
}

/**
 * Whether a message published to `literal` reaches a subscription to `pattern`. The published subject is text: its own
 * `*` and `>` tokens are matched by wildcards only. A malformed subject (empty token) is matched by nothing.
 */
export function subjectMatches(literal: string, pattern: string): boolean {
  const literalEnd = literal.length;
  const patternEnd = pattern.length;
  let l = 0;
  let p = 0;
  while (p < patternEnd) {
    const first = pattern.charCodeAt(p);
    if (first === FULL && p + 1 === patternEnd) return hasOnlyTokens(literal, l);
    const tokenStart = l;
    if (first === STAR && (p + 1 === patternEnd || pattern.charCodeAt(p + 1) === DOT)) {
      while (l < literalEnd && literal.charCodeAt(l) !== DOT) l++;
      p++;
    } else {
      while (p < patternEnd) {
        const char = pattern.charCodeAt(p);
        if (char === DOT) break;
        if (l === literalEnd || literal.charCodeAt(l) !== char) return false;
        l++;
        p++;
      }
    }
    if (l === tokenStart) return false;
    if (p === patternEnd) return l === literalEnd;
    if (l === literalEnd || literal.charCodeAt(l) !== DOT) return false;
    l++;
    p++;
  }
  return false;
}

/** Whether `pattern` matches every literal subject that `subject` matches; `subject` may have wildcards itself. */
export function isSubsetOf(subject: string, pattern: string): boolean {
  return subjectMatches(subject, pattern) && (endsInFull(pattern) || !endsInFull(subject));
}

/** Whether some literal subject is matched by both; either may have wildcards. */
export function subjectsOverlap(a: string, b: string): boolean {
  if (!hasOnlyTokens(a, 0) || !hasOnlyTokens(b, 0)) return false;
  let startA = 0;
  let startB = 0;
  for (;;) {
    const endA = tokenEnd(a, startA);
    const endB = tokenEnd(b, startB);
    const tokenA = a.slice(startA, endA);
    const tokenB = b.slice(startB, endB);
    if (tokenA === ">" || tokenB === ">") return true;
    if (tokenA !== tokenB && tokenA !== "*" && tokenB !== "*") return false;
    if (endA === a.length || endB === b.length) return endA === a.length && endB === b.length;
    startA = endA + 1;
    startB = endB + 1;
  }
}

/** Whether the subject has a token from `start` on and none of its tokens there is empty. */
export function hasOnlyTokens(subject: string, start: number): boolean {
  return (
    subject.length > start &&
    subject.charCodeAt(start) !== DOT &&
    subject.charCodeAt(subject.length - 1) !== DOT &&
    subject.indexOf("..", start) === -1
  );
}

function tokenEnd(subject: string, start: number): number {
  const dot = subject.indexOf(".", start);
  return dot === -1 ? subject.length : dot;
}

function isWholeToken(subject: string, at: number): boolean {
  return (
    (at === 0 || subject.charCodeAt(at - 1) === DOT) &&
    (at + 1 === subject.length || subject.charCodeAt(at + 1) === DOT)
  );
}

function endsInFull(subject: string): boolean {
  const last = subject.length - 1;
  return subject.charCodeAt(last) === FULL && (last === 0 || subject.charCodeAt(last - 1) === DOT);
}
