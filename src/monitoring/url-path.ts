// The path of a URL as it was meant: without empty, `.` and `..` parts. What is percent-encoded stays so.

/** A slash at the end stays; the result begins with one. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const cleaned = `/${parts.join("/")}`;
  return path.endsWith("/") && parts.length > 0 ? `${cleaned}/` : cleaned;
}
