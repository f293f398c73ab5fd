// Configurations as text, for tests of what becomes of them.
import type { ServerOptions } from "../options/options.js";
import { ConfigError } from "./decode-errors.js";
import { type LoadedConfig, loadConfig } from "./load.js";

export const ACCOUNT_KEY = "AAQ6HTUTNNLWUZ2HDYOJXJJ7IFURACD3DEUKPQSRTZFZLBTWMMUSD47M";
export const USER_KEY = "UBF5UVMESVVDIRKT7GROVNBYVTKK32V2355X3IPSU6TR7ZEA42IH6NEY";
export const USER_SEED = "SUAJOXGVDNITBALC3AZQMTXFYVH2YUE6HLWZTB7HODPRXNDFA62SKFDKH4";
export const OPERATOR_JWT =
  "eyJ0eXAiOiJKV1QiLCJhbGciOiJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Ik9DT1MzTlNUUzI1M1JIQVNBM1lQTFo2NzZESzVPTjZZVTRRSUhGREhYTlBRNUpGQVNQVllVNEI2IiwibmFtZSI6Ik9QIiwic3ViIjoiT0NPUzNOU1RTMjUzUkhBU0EzWVBMWjY3NkRLNU9ONllVNFFJSEZESFhOUFE1SkZBU1BWWVU0QjYiLCJuYXRzIjp7InZlcnNpb24iOjIsInR5cGUiOiJvcGVyYXRvciIsInN5c3RlbV9hY2NvdW50IjoiQUEyMklRTjRNR0ZDSzJUUjJMMkxSTzdWNDdFUjMySkZJWFpQNTJaTUNFRjUzTVU2MksyTlpJRDQifSwianRpIjoiQ1ZJSktTSkM0QkVYR1dHT1NTNjZYT1JJUTM1NEk0M0I3SUhETFlFNUFEWjJQTE5KM0ZDQSJ9.Z_YbhRFzZIXy9QUAer-ZlZTisGMH9EW8Ah3Qbwa3_g5p3aZtBibJfkPWzIfsC-85ocTYxiBZSKur2uwcUkD6BQ";

/** Loads a configuration file of this text; `files` are beside it. */
export const load = (text: string, files: Record<string, string> = {}): LoadedConfig => {
  const all: Record<string, string> = { "server.conf": text, ...files };
  const readSync = (path: string): Buffer => {
    if (Object.hasOwn(all, path)) return Buffer.from(all[path]);
    throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
  };
  return loadConfig("server.conf", { disk: { readSync, statSync: () => undefined }, env: () => undefined });
};

export const optionsOf = (text: string): ServerOptions => load(text).options;

/** What is wrong with it, or "accepted". */
export const errorOf = (text: string, files?: Record<string, string>): string => {
  try {
    load(text, files);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "accepted";
};

export const warningsOf = (text: string): string[] => load(text).warnings.map(({ message }) => message);
