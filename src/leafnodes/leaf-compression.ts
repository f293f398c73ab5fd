// How a leaf link is compressed.
import { type CompressionMode, compressionMode } from "../protocol/compression-mode.js";

/** What this server asks for by the options of a remote or, as a hub, of `leafnodes`. */
export function leafCompression(given: { readonly mode?: string } | undefined): CompressionMode {
  return compressionMode(given?.mode ?? "s2_auto", "s2_auto") ?? "s2_auto";
}
