// Errors that look like the platform's, for the transports and disks that are not the platform's own.

export interface PlatformError extends Error {
  code: string;
  syscall: string;
}

/** An error as Node's own fs and net calls give it: `code` such as ECONNRESET, message "read ECONNRESET". */
export function platformError(code: string, syscall: string, about = ""): PlatformError {
  const message = about === "" ? `${syscall} ${code}` : `${syscall} ${code} ${about}`;
  return Object.assign(new Error(message), { code, syscall });
}
