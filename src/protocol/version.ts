// The versions that this server speaks of: the reference it is compatible with, and its own.

/** The nats-server release whose behaviour this server reproduces; what INFO, /varz and `--version` report. */
export const COMPATIBILITY_VERSION = "2.15.1";

/** The JetStream API level of that release. */
export const API_LEVEL = 5;

/** natsnode's own version. A constant, so that bundled applications need no package.json; a test holds the two together. */
export const NATSNODE_VERSION = "0.1.0";
