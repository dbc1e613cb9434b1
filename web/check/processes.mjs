// Child processes: run one to its end, and know that none stays behind.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";

/** What a check found wrong. Its message is all a reader needs: no stack is printed. */
export class Failure extends Error {}

// Every process started here, and what it starts in turn, has this in its environment: so leftovers can be told from others'.
const tagName = "RINGFORK_TEST_RUN";
const tag = randomUUID();

const groups = process.platform !== "win32";
const running = new Set();

/**
 * Runs a program to its end. Resolves to its output (empty when shown) and rejects with a Failure that quotes it when
 * the program fails or takes longer than `minutes`; then it and all it started are ended. That is to find
 * what hangs, not what is slow: a compiler that begins with an empty cache takes many minutes on a busy machine.
 * @param {string[]} command
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, show?: boolean, minutes?: number }} [options]
 * @returns {Promise<string>}
 */
export async function run([program, ...args], { env = process.env, cwd, show = false, minutes = 30 } = {}) {
  const child = spawn(program, args, {
    cwd,
    env: { ...env, [tagName]: tag },
    stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
    detached: groups, // a group of its own, to be ended as a whole
  });
  running.add(child);
  const output = [];
  child.stdout?.on("data", (data) => output.push(data));
  child.stderr?.on("data", (data) => output.push(data));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end(child);
  }, minutes * 60_000);
  try {
    const reason = await new Promise((resolve) => {
      child.on("error", (error) => resolve(`could not be started: ${error.message}`));
      child.on("close", (code, signal) => resolve(code === 0 ? "" : signal ? `was ended by ${signal}` : `failed (exit code ${code})`));
    });
    const text = Buffer.concat(output).toString().trim();
    if (late) throw new Failure(`${program} ${args.join(" ")} took more than ${minutes} minutes\n${text}`);
    if (reason) throw new Failure(`${program} ${args.join(" ")} ${reason}\n${text}`.trim());
    return text;
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

/** Asks a program and its group to end, and makes it five seconds later. */
function end(child) {
  const signal = (name) => {
    try {
      if (groups) process.kill(-child.pid, name);
      else child.kill(name);
    } catch {
      // It has ended.
    }
  };
  signal("SIGTERM");
  setTimeout(() => running.has(child) && signal("SIGKILL"), 5000).unref();
}

/** Ends everything that run started and that still runs, then calls back. */
export function endAll(done) {
  for (const child of running) end(child);
  const started = Date.now();
  const poll = setInterval(() => {
    if (running.size > 0 && Date.now() - started < 7000) return;
    clearInterval(poll);
    for (const { pid } of leftovers()) kill(pid);
    done();
  }, 50);
}

/**
 * Ends what earlier programs left behind, and fails if there was any. Something that is just ending gets half a minute.
 * Only Linux shows whose child an orphan was; elsewhere this finds nothing.
 */
export async function expectNoLeftovers() {
  let found = leftovers();
  for (let i = 0; i < 300 && found.length > 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    found = leftovers();
  }
  if (found.length === 0) return;
  for (const { pid } of found) kill(pid);
  throw new Failure(`left behind, and ended now:\n${found.map(({ pid, name }) => `  ${pid} ${name}`).join("\n")}`);
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** The processes with our tag, but not this one. */
function leftovers() {
  if (process.platform !== "linux") return [];
  const found = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(`${tagName}=${tag}`)) continue;
      const name = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").slice(0, 3).join(" ");
      if (name) found.push({ pid: Number(pid), name }); // without one it has ended and waits for its parent
    } catch {
      // It has ended, or is somebody else's.
    }
  }
  return found;
}
