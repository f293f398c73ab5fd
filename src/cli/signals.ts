// What a running server does when it gets a signal.
import type { Logger } from "../runtime/logger.js";
import type { ControlSignal, Host } from "./host.js";

/** The deeds behind the signals. */
export interface SignalTargets {
  /** Ends the server at once. */
  shutDown(): void;
  /** Moves the clients to other servers, then ends. */
  lameDuck(): void;
  isLameDuck(): boolean;
  reload(): void;
  reopenLog(): void;
}

const SHOWN: Readonly<Record<ControlSignal, string>> = {
  SIGINT: "interrupt",
  SIGTERM: "terminated",
  SIGUSR1: "user defined signal 1",
  SIGUSR2: "user defined signal 2",
  SIGHUP: "hangup",
};

/** Takes over all signals of the process. Those that came before for SIGUSR1 are delivered now. */
export function handleSignals(host: Pick<Host, "onSignal">, logger: Logger, targets: SignalTargets): void {
  const deeds: Record<ControlSignal, () => void> = {
    SIGINT: () => targets.shutDown(),
    // A supervisor that stops a lame duck shall not cut its grace short.
    SIGTERM: () => {
      if (!targets.isLameDuck()) targets.shutDown();
    },
    SIGUSR1: () => targets.reopenLog(),
    SIGUSR2: () => targets.lameDuck(),
    SIGHUP: () => targets.reload(),
  };
  for (const [signal, deed] of Object.entries(deeds) as [ControlSignal, () => void][]) {
    host.onSignal(signal, () => {
      logger.info(`Trapped "${SHOWN[signal]}" signal`);
      deed();
    });
  }
}
