// The log file: appended to line by line, rotated by size, started anew on demand.

import { calendar } from "../protocol/calendar.js";
import type { Clock } from "../runtime/clock.js";
import type { AppendFile, Disk } from "../runtime/disk.js";
import type { LineFormat, LogLevel, LogSink } from "./log.js";

export interface LogFileOptions {
  readonly path: string;
  /** Size past which the file is set aside under a name with the time; 0 for never. */
  readonly sizeLimitBytes: number;
  /** How many files to keep, the current one included; 0 for all. */
  readonly maxFiles: number;
}

/**
 * A log file. Lines are on their way to the disk when `write` returns; a full disk loses lines, never the process.
 */
export class LogFile implements LogSink {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #format: LineFormat;
  readonly #options: LogFileOptions;
  #file: AppendFile | undefined;
  #limitBytes: number;
  #lostLines = 0;
  #lastStampNs = 0n;

  /** Opens the file. Throws the platform's error. */
  constructor(disk: Disk, clock: Clock, format: LineFormat, options: LogFileOptions) {
    this.#disk = disk;
    this.#clock = clock;
    this.#format = format;
    this.#options = options;
    this.#limitBytes = options.sizeLimitBytes;
    this.#file = disk.openAppendSync(options.path);
  }

  write(level: LogLevel, text: string): void {
    this.#append(level, text);
    if (this.#limitBytes > 0 && this.#file !== undefined && this.#file.sizeBytes > this.#limitBytes) this.#rotate();
  }

  reopen(): void {
    const fresh = this.#disk.openAppendSync(this.#options.path);
    this.#file?.closeSync();
    this.#file = fresh;
    this.#limitBytes = this.#options.sizeLimitBytes;
  }

  async close(): Promise<void> {
    this.#file?.closeSync();
    this.#file = undefined;
  }

  #append(level: LogLevel, text: string): void {
    try {
      this.#file?.appendSync(this.#format(level, text));
    } catch {
      this.#lostLines += 1;
      return;
    }
    if (this.#lostLines > 0) {
      const lost = this.#lostLines;
      this.#lostLines = 0;
      this.#append("WRN", `${lost} log lines could not be written and are lost`);
    }
  }

  #rotate(): void {
    const { path, sizeLimitBytes, maxFiles } = this.#options;
    const backup = `${path}.${this.#stamp()}`;
    try {
      this.#disk.renameSync(path, backup);
      this.reopen();
    } catch (error) {
      this.#limitBytes *= 2;
      const reason = (error as Error).message;
      this.#append("ERR", `Unable to rotate the log file (${reason}), will try again at ${this.#limitBytes} bytes`);
      return;
    }
    this.#limitBytes = sizeLimitBytes;
    this.#append("INF", `Rotated log, backup saved as "${backup}"`);
    if (maxFiles > 0) this.#purge(maxFiles - 1);
  }

  #purge(keep: number): void {
    const { path } = this.#options;
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "." : path.slice(0, slash + 1);
    const base = path.slice(slash + 1);
    try {
      const backups = this.#disk
        .listSync(folder)
        .filter((name) => name.startsWith(`${base}.`) && STAMP.test(name.slice(base.length + 1)))
        .sort();
      for (const name of backups.slice(0, Math.max(0, backups.length - keep))) {
        this.#disk.removeSync(`${slash < 0 ? "" : folder}${name}`);
        this.#append("INF", `Purged log file "${name}"`);
      }
    } catch (error) {
      this.#append(
        "ERR",
        `Unable to purge log files (${(error as Error).message}), will try again at the next rotation`,
      );
    }
  }

  /** The local time down to nanoseconds; never the same twice, or one backup would replace another. */
  #stamp(): string {
    let ns = this.#clock.nowNs();
    if (ns <= this.#lastStampNs) ns = this.#lastStampNs + 1n;
    this.#lastStampNs = ns;
    const ms = Number(ns / 1_000_000n);
    const at = calendar(ms, this.#clock.utcOffsetMinutes(ms));
    const fields = [at.month, at.day, at.hour, at.minute, at.second].map((field) => String(field).padStart(2, "0"));
    return [String(at.year).padStart(4, "0"), ...fields, String(ns % 1_000_000_000n).padStart(9, "0")].join(".");
  }
}

const STAMP = /^\d{4}(?:\.\d{2}){5}\.\d{9}$/;
