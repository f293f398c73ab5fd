// The folder of a storage: whose it is, and of which format.
import { viewOf } from "../../protocol/words.js";
import type { Disk } from "../../runtime/disk.js";
import { checksum } from "./checksum.js";
import { StoreError } from "./errors.js";
import { FORMAT_VERSION } from "./file-header.js";
import type { PatientDisk } from "./patient-disk.js";

const MARK = "natsnode.json";
/** What may stand in a folder that is still empty. */
const IGNORED = new Set(["lost+found", ".DS_Store"]);

/**
 * Makes a new storage's folders, or checks those that are there. Gives why those that were there may not be found after a crash,
 * if it is so. Rejects with StoreError STORE_FOREIGN when the folder holds something else, and STORE_VERSION when it is of a
 * newer format; nothing was written then.
 */
export async function checkRoot(disk: Disk, patient: PatientDisk, root: string): Promise<StoreError | undefined> {
  const mark = `${root}/${MARK}`;
  const isNew = (await patient.stat(mark)) === undefined;
  if (isNew) {
    await checkEmpty(disk, root);
    await disk.makeDirectory(root);
    const file = await disk.open(`${mark}.new`, "create");
    await file.truncate(0);
    await file.write([Buffer.from(markOf(FORMAT_VERSION))], 0);
    await file.sync();
    await file.close();
    await disk.rename(`${mark}.new`, mark);
    await disk.syncDirectory(root);
  } else {
    // A mark that is damaged or cannot be read says nothing; every file has its version, too.
    const text = await patient.read(mark).then(
      ({ bytes }) => bytes.toString("latin1"),
      () => "",
    );
    const found = Number(/"version":(\d+)/.exec(text)?.[1]);
    const version = text === markOf(found) ? found : FORMAT_VERSION;
    if (version > FORMAT_VERSION) {
      throw new StoreError("STORE_VERSION", `${root} is of format ${version}, newer than ${FORMAT_VERSION}`);
    }
  }
  try {
    await patient.call(() => makeFolders(disk, root));
  } catch (error) {
    if (isNew) throw error;
    return StoreError.of(error);
  }
  return undefined;
}

async function makeFolders(disk: Disk, root: string): Promise<void> {
  for (const name of ["journal", "streams", "logs"]) await disk.makeDirectory(`${root}/${name}`);
  // A file that a killed process has made is written to, and its name may not be durable.
  await disk.syncDirectory(`${root}/journal`);
  await disk.syncDirectory(root);
  // The folders above may be as new.
  for (let path = parentOf(root); ; path = parentOf(path)) {
    await syncIfAllowed(disk, path);
    if (path === parentOf(path)) break;
  }
}

/** What a server may not read it has not made. */
async function syncIfAllowed(disk: Disk, path: string): Promise<void> {
  try {
    await disk.syncDirectory(path);
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!["EACCES", "EPERM", "EROFS", "EINVAL"].includes(code)) throw error;
  }
}

/** The text of the file that marks a folder as a storage of that version. */
export function markOf(version: number): string {
  const bytes = Buffer.from(`natsnode storage ${version}`);
  const check = checksum(viewOf(bytes), 0, bytes.length).toString(16);
  return `${JSON.stringify({ natsnode: "storage", version, check })}\n`;
}

async function checkEmpty(disk: Disk, root: string): Promise<void> {
  if ((await disk.stat(root)) === undefined) return;
  const names = (await disk.list(root)).filter((name) => !IGNORED.has(name) && name !== `${MARK}.new`);
  if (names.length === 0) return;
  for (const name of names) {
    // nats-server: a folder per account with one of its streams in it.
    if ((await disk.stat(`${root}/${name}/streams`))?.isDirectory) {
      throw new StoreError(
        "STORE_FOREIGN",
        `${root} is a store of nats-server; it is not touched (streams move by snapshot and restore)`,
      );
    }
  }
  throw new StoreError("STORE_FOREIGN", `${root} holds files that are no store of natsnode, such as ${names[0]}`);
}

function parentOf(path: string): string {
  const slash = path.replace(/\/+$/, "").lastIndexOf("/");
  return slash > 0 ? path.slice(0, slash) : slash === 0 ? "/" : ".";
}
