// Where the options came from, for those who show it or ask for a reload.

export interface ConfigSource {
  /** `sha256:...` of the configuration in effect; "" when there is none. */
  readonly digest: string;
  /** Reads the configuration again and applies it. Rejects with what is wrong with it. */
  reload(): Promise<void>;
}
