// The vocabulary of the options table: kinds of values, what an entry says about its option, and the TypeScript types
// that follow from both.

/** What a value is. `InputOf` and `ResolvedOf` give each kind its TypeScript type; config/decode gives it its syntax. */
export type Kind =
  | { readonly kind: "text" }
  | { readonly kind: "subject" }
  | { readonly kind: "boolean" }
  | { readonly kind: "integer" }
  | { readonly kind: "bytes"; readonly syntax: "size" | "size or text" }
  | { readonly kind: "duration"; readonly syntax: "duration" | "text" | "seconds" }
  | { readonly kind: "choice"; readonly of: readonly string[] }
  | { readonly kind: "address"; readonly host: string; readonly port: string }
  | { readonly kind: "list"; readonly of: Kind; readonly single?: boolean }
  | { readonly kind: "record"; readonly of: Kind }
  | { readonly kind: "block"; readonly block: Block };

/** A table of options by their TypeScript names. */
export interface Block {
  readonly [name: string]: Option;
}

export interface Option {
  /** The key in a configuration file. */
  readonly key: string;
  readonly aliases?: readonly string[];
  /** False for what a file says in another way; such a key is unknown there. */
  readonly inFile?: false;
  readonly kind: Kind;
  /** One line for the reference page. Units are said where the name does not say them. */
  readonly doc: string;
  /** The value where none is given. A block with the default {} is always there, with its own defaults. */
  readonly default?: unknown;
  /** The default in words, where it is not a constant. */
  readonly defaultText?: string;
  /** A 0 counts as not given. */
  readonly zeroIsDefault?: boolean;
  readonly min?: number;
  readonly max?: number;
  /** Applied by a reload; otherwise a reload that changes it is refused. Blocks decide for what they hold. */
  readonly reload?: boolean;
  /** Shown as [REDACTED] in reports. */
  readonly secret?: boolean;
  /** Natsnode's own: nats-server does not know the key. */
  readonly own?: boolean;
  /** Not built yet: `adds` is accepted and announced at start, `restricts` refuses to start. */
  readonly status?: "adds" | "restricts";
}

export const text = { kind: "text" } as const;
/** Text whose UTF-8 bytes are compared with subjects on the wire; resolved options hold it as latin1. */
export const subject = { kind: "subject" } as const;
export const boolean = { kind: "boolean" } as const;
export const integer = { kind: "integer" } as const;
/** A number of bytes; the file may write 64MB. */
export const size = { kind: "bytes", syntax: "size" } as const;
/** As `size`, or in quotes with a last letter K, M, G or T. */
export const sizeOrText = { kind: "bytes", syntax: "size or text" } as const;
/** Milliseconds; the file writes "2m30s". A bare number in the file is seconds, with a warning. */
export const duration = { kind: "duration", syntax: "duration" } as const;
/** Milliseconds; the file must write "2m30s". */
export const durationText = { kind: "duration", syntax: "text" } as const;
/** Milliseconds; the file writes seconds as a number, or "2m30s". */
export const seconds = { kind: "duration", syntax: "seconds" } as const;
/** A list; the file may write a single value without brackets. */
export const texts = { kind: "list", of: text, single: true } as const;
export const subjects = { kind: "list", of: subject, single: true } as const;

export const choice = <const V extends readonly string[]>(...of: V) => ({ kind: "choice", of }) as const;
/** host:port, :port or a port in the file; sets two other options of the block and is no option of the library. */
export const address = (host: string, port: string) => ({ kind: "address", host, port }) as const;
export const list = <const K extends Kind>(of: K) => ({ kind: "list", of }) as const;
export const record = <const K extends Kind>(of: K) => ({ kind: "record", of }) as const;
export const block = <const B extends Block>(of: B) => ({ kind: "block", block: of }) as const;

type Extra = Omit<Option, "key" | "kind" | "doc">;

/** One entry of the table. */
export function option<const K extends Kind, const X extends Extra = Record<never, never>>(
  key: string,
  kind: K,
  doc: string,
  extra?: X,
): { readonly key: string; readonly kind: K; readonly doc: string } & X {
  return { key, kind, doc, ...extra } as { key: string; kind: K; doc: string } & X;
}

type Scalar<K> = K extends { kind: "text" | "subject" }
  ? string
  : K extends { kind: "boolean" }
    ? boolean
    : K extends { kind: "integer" | "bytes" | "duration" }
      ? number
      : K extends { kind: "choice"; of: readonly (infer V)[] }
        ? V
        : never;

type InputOf<K> = K extends { kind: "list"; of: infer O }
  ? readonly InputOf<O>[]
  : K extends { kind: "record"; of: infer O }
    ? Readonly<Record<string, InputOf<O>>>
    : K extends { kind: "block"; block: infer B }
      ? Input<B>
      : Scalar<K>;

type ResolvedOf<K> = K extends { kind: "list"; of: infer O }
  ? readonly ResolvedOf<O>[]
  : K extends { kind: "record"; of: infer O }
    ? Readonly<Record<string, ResolvedOf<O>>>
    : K extends { kind: "block"; block: infer B }
      ? Resolved<B>
      : Scalar<K>;

type NoOption = { kind: { kind: "address" } };
type WithDefault = { default: unknown };

/** What a caller may give for a block: everything optional. */
export type Input<B> = {
  -readonly [N in keyof B as B[N] extends NoOption ? never : N]?: B[N] extends { kind: infer K } ? InputOf<K> : never;
};

/** A block with its defaults filled in: options with a default are there. */
export type Resolved<B> = {
  readonly [N in keyof B as B[N] extends WithDefault ? N : never]: B[N] extends { kind: infer K }
    ? ResolvedOf<K>
    : never;
} & {
  readonly [N in keyof B as B[N] extends WithDefault | NoOption ? never : N]?: B[N] extends { kind: infer K }
    ? ResolvedOf<K>
    : never;
};
