// Writes the module's type declarations into web/types: they are in the repository, because Go alone cannot make them.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { needModules } from "./programs.mjs";
import { Failure, run } from "./processes.mjs";

export const tsc = [process.execPath, "node_modules/typescript/bin/tsc"];
const target = "web/types";

/** Checks the module strictly and writes its declarations into a folder, which must be empty. */
const emit = (folder) => run([...tsc, "-p", "web/tsconfig.json", "--outDir", resolve(folder)]);

/** Fails if the module has a type error, or if web/types is not what the module says. */
export async function checkTypes() {
  const folder = mkdtempSync(join(tmpdir(), "ringfork-types-"));
  try {
    await emit(folder);
    const [want, have] = [contents(folder), contents(target)];
    const names = [...new Set([...want.keys(), ...have.keys()])].filter((name) => want.get(name) !== have.get(name));
    if (names.length > 0) throw new Failure(`${target} is not up to date, run "npm run types":\n${names.sort().map((name) => `  ${name}`).join("\n")}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The files below a folder, by name with slashes. */
function contents(folder) {
  let names;
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch {
    return new Map();
  }
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return new Map(files.map((file) => [file.slice(folder.length + 1).split(sep).join("/"), readFileSync(file, "utf8")]));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await needModules();
    rmSync(target, { recursive: true, force: true });
    await emit(target);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
