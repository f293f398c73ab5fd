// What a run of `jetstream-run.ts` does to a stream and its consumers, and the settings of the stream.
import { type ConsumerSettings, DUPLICATE_WINDOW_S, type StreamSettings } from "../support/jetstream-model.js";

const NS_PER_S = 1e9;

/** Messages have a time to live of their own, or the stream has one for all, or neither. */
export type Settings = Omit<StreamSettings, "maxAgeS" | "ttl"> & { readonly lifetime: "none" | "age" | "ttl" };

export type Operation =
  | {
      readonly kind: "publish";
      readonly subject: string;
      readonly bytes: number;
      readonly id?: string | undefined;
      readonly last?: number | undefined;
      readonly lastOfSubject?: number | undefined;
      readonly rollup?: "sub" | "all" | undefined;
      readonly ttlS?: number | undefined;
    }
  | { readonly kind: "delete"; readonly place: number; readonly erase: boolean }
  | {
      readonly kind: "purge";
      readonly filter?: string | undefined;
      readonly place?: number | undefined;
      readonly keep: number;
    }
  | { readonly kind: "get"; readonly subject: string; readonly place: number }
  | { readonly kind: "update" | "recreate"; readonly settings: Settings }
  | ({ readonly kind: "addConsumer"; readonly name: string } & ConsumerSettings)
  | { readonly kind: "deleteConsumer"; readonly name: string }
  | { readonly kind: "pull"; readonly name: string; readonly batch: number }
  | {
      readonly kind: "answer";
      readonly place: number;
      readonly payload: "+ACK" | "-NAK" | "+TERM";
      readonly delayS: number;
    }
  | { readonly kind: "pass"; readonly seconds: number }
  | { readonly kind: "restart"; readonly orderly: boolean };

export type Of<K extends Operation["kind"]> = Extract<Operation, { kind: K }>;

/** What the model takes. */
export function settingsOf({ lifetime, ...rest }: Settings): StreamSettings {
  return { ...rest, maxAgeS: lifetime === "age" ? 2050 : 0, ttl: lifetime === "ttl" };
}

/** What the API takes. */
export function configOf(settings: StreamSettings): object {
  return {
    name: "S",
    subjects: ["s.*"],
    storage: settings.storage,
    retention: settings.retention,
    discard: settings.discard,
    max_msgs: settings.maxMessages,
    max_bytes: settings.maxBytes,
    max_msgs_per_subject: settings.maxPerSubject,
    max_age: settings.maxAgeS * NS_PER_S,
    allow_msg_ttl: settings.ttl,
    allow_rollup_hdrs: settings.rollup,
    duplicate_window: DUPLICATE_WINDOW_S * NS_PER_S,
  };
}
