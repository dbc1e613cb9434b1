// The programs that the checks need: where they are, or how to get them.

import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Failure, run } from "./processes.mjs";

const windows = process.platform === "win32";

/** The path of a program on the PATH, or undefined. */
function onPath(name) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const suffix of windows ? [".exe", ".cmd"] : [""]) {
      const path = join(folder, name + suffix);
      if (folder && isProgram(path)) return path;
    }
  }
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Installs packages if this is Debian, or like it, and we may; false if not. */
async function aptInstall(...packages) {
  if (process.getuid?.() !== 0 || !onPath("apt-get")) return false;
  console.log(`installing ${packages.join(" ")} with apt-get ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // Networks fail now and then, and a machine that has just started installs things itself.
  const patient = ["-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=600"];
  await run(["apt-get", ...patient, "update", "-q"], { env, minutes: 30 });
  await run(["apt-get", ...patient, "install", "-q", "-y", "--no-install-recommends", ...packages], { env, minutes: 30 });
  return true;
}

/** The same for what the tests can do without: says why it failed. Not all that have apt-get have these packages, or a network. */
async function mayInstall(...packages) {
  try {
    return await aptInstall(...packages);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.log(error.message);
    return false;
  }
}

/** Installs the packages of package-lock.json into node_modules, unless they are there. */
export async function needModules() {
  const stamp = "node_modules/.ringfork";
  const want = createHash("sha256").update(readFileSync("package-lock.json")).update(readFileSync("package.json")).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === want) return;
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : [windows ? "npm.cmd" : "npm"];
  console.log("installing node modules ...");
  await run([...npm, "ci", "--ignore-scripts", "--loglevel=error"]);
  writeFileSync(stamp, want);
}

/** Checks that there is a Go toolchain. */
export async function needGo() {
  if (!onPath("go")) throw new Failure("no Go toolchain found: install Go 1.26 or newer from https://go.dev/dl and put go on the PATH");
}

/** Checks that there is a C compiler, which Go's race detector needs, or installs one. */
export async function needC() {
  const names = [process.env.CC, "gcc", "clang", "cc"].filter(Boolean);
  if (names.some((name) => onPath(name) || isProgram(name))) return;
  if (await aptInstall("gcc", "libc6-dev")) return;
  throw new Failure("no C compiler found, which Go's race detector needs: install gcc or clang");
}

/**
 * The path of a coturn: $COTURN, one that is installed, or one installed now; undefined where there is none and no way to get
 * one. What is told of it then must not be missed: see withoutCoturn.
 */
export async function needCoturn() {
  const named = process.env.COTURN;
  if (named) {
    const found = isProgram(named) ? named : onPath(named);
    if (!found) throw new Failure(`COTURN names no program: ${named}`);
    return found;
  }
  const found = onPath("turnserver");
  if (found || !(await mayInstall("coturn"))) return found;
  // The package starts a server of its own, which nobody asked for.
  if (onPath("systemctl")) await run(["systemctl", "disable", "--now", "coturn"]).catch(() => {});
  return onPath("turnserver");
}

export const withoutCoturn =
  "NOT TESTED: calls through a coturn, and deploy/coturn.conf, because no coturn was found and there is no way to install one here\n" +
  "(Debian: apt-get install coturn; macOS: brew install coturn; or name its program, turnserver, in the variable COTURN)";

/**
 * The paths of nginx and Caddy: $NGINX_BIN and $CADDY_BIN, those that are installed, or installed now. One that is not there, and
 * cannot be had, is left out. What is told of it then must not be missed: see withoutProxies.
 */
export async function needProxies() {
  /** @type {Record<string, string>} */
  const found = {};
  for (const [variable, name, debian] of [
    ["NGINX_BIN", "nginx", "nginx-light"],
    ["CADDY_BIN", "caddy", "caddy"],
  ]) {
    const named = process.env[variable];
    const find = () => onPath(named ?? name) ?? [named ?? "", `/usr/sbin/${name}`].find((path) => path && isProgram(path));
    let path = find();
    if (named && !path) throw new Failure(`${variable} names no program: ${named}`);
    if (!path && (await mayInstall(debian))) {
      if (onPath("systemctl")) await run(["systemctl", "disable", "--now", name]).catch(() => {});
      path = find();
    }
    if (path) found[variable] = path;
  }
  return found;
}

export const withoutProxies =
  "NOT TESTED: a relay behind nginx, or behind Caddy, and deploy/nginx.conf or deploy/Caddyfile, because one of them was not found and\n" +
  "there is no way to install it here (Debian: apt-get install nginx-light caddy; macOS: brew install nginx caddy; or name the programs\n" +
  "in the variables NGINX_BIN and CADDY_BIN)";

const applications = {
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    `${process.env.HOME}/Applications/Google Chrome.app/Contents/MacOS/Google Chrome`,
  ],
  win32: ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].flatMap((name) =>
    process.env[name] ? [join(process.env[name], "Google/Chrome/Application/chrome.exe"), join(process.env[name], "Chromium/Application/chrome.exe")] : [],
  ),
};

function findChrome() {
  const names = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "chrome"];
  return [...names.map(onPath), ...(applications[process.platform] ?? [])].find((path) => path && isProgram(path));
}

/** The path of a Firefox: $FIREFOX, or one that is installed; undefined where there is none. */
export function findFirefox() {
  const named = process.env.FIREFOX;
  if (named) {
    const found = isProgram(named) ? named : onPath(named);
    if (!found) throw new Failure(`FIREFOX names no program: ${named}`);
    return found;
  }
  const usual = {
    darwin: ["/Applications/Firefox.app/Contents/MacOS/firefox"],
    win32: ["PROGRAMFILES", "PROGRAMFILES(X86)"].flatMap((name) => (process.env[name] ? [join(process.env[name], "Mozilla Firefox/firefox.exe")] : [])),
  };
  return [...["firefox", "firefox-esr"].map(onPath), ...(usual[process.platform] ?? [])].find((path) => path && isProgram(path));
}

/** The path of a Chrome or Chromium: $CHROME, one that is installed, or one installed now. */
export async function needChrome() {
  if (process.env.CHROME) {
    if (isProgram(process.env.CHROME)) return process.env.CHROME;
    const named = onPath(process.env.CHROME);
    if (named) return named;
    throw new Failure(`CHROME names no program: ${process.env.CHROME}`);
  }
  const found = findChrome() ?? ((await aptInstall("chromium")) ? findChrome() : undefined);
  if (found) return found;
  throw new Failure(
    "no Chrome or Chromium found for the browser tests: install one (Debian: apt-get install chromium; Fedora: dnf install chromium;\n" +
      "macOS: brew install --cask google-chrome; others: https://www.google.com/chrome), or name its program in the variable CHROME",
  );
}
