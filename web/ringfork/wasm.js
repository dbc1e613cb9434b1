/**
 * The Wasm: loaded once per page, shared by all its phones, started afresh after a crash.
 */

import { RingforkError } from "./errors.js";

/** @import { RawApi } from "./types.js" */

/**
 * What wasm_exec.js defines, as far as it is used here.
 * @typedef {object} Go
 * @property {string[]} argv
 * @property {(code: number) => void} exit
 * @property {WebAssembly.Imports & { gojs: WebAssembly.ModuleImports }} importObject
 * @property {(instance: WebAssembly.Instance) => Promise<void>} run
 * @property {DataView} mem
 * @property {boolean} exited
 * @property {() => void} _resume
 * @property {unknown[]} [_values] all JavaScript values that Go holds
 * @property {Map<number, ReturnType<typeof setTimeout>>} _scheduledTimeouts
 */

const global = /** @type {Record<string, any>} */ (globalThis);

/** @type {Promise<WasmInstance> | null} */
let current = null;
/** @type {(new () => Go) | null} */
let goClass = null;
/** @type {WebAssembly.Module | null} */
let compiled = null;

/**
 * Gives the page's Wasm instance, loading it if there is none. What is loaded already is used whatever the URLs say.
 * After a failure or a crash the next call starts over.
 * @param {{ wasmUrl?: string | URL, execUrl?: string | URL }} [urls]
 * @returns {Promise<WasmInstance>}
 * @throws {RingforkError} unsupported-browser, wasm-load-failed, crashed (while it started)
 */
export function loadWasm(urls = {}) {
  if (!current) {
    const loading = boot(urls);
    current = loading;
    const forget = () => {
      if (current === loading) current = null;
    };
    loading.then((instance) => instance.onCrash(forget), forget);
  }
  return current;
}

/**
 * The number of Go callbacks that JavaScript can call at this moment, for leak tests. 0 when nothing is loaded.
 * @returns {Promise<number>}
 */
export async function liveFuncs() {
  return current ? (await current).api.funcs() : 0;
}

/** One run of the Wasm. */
export class WasmInstance {
  /** @type {Set<(error: RingforkError) => void>} */
  #watchers = new Set();

  /** @param {RawApi} api */
  constructor(api) {
    this.api = api;
    /** Why it stopped; null while it runs. @type {RingforkError | null} */
    this.error = null;
  }

  /**
   * Calls `watcher` once if the Wasm crashes. The result removes it.
   * @param {(error: RingforkError) => void} watcher
   * @returns {() => void}
   */
  onCrash(watcher) {
    if (this.error) {
      watcher(this.error);
      return () => {};
    }
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Settles as `promise` does, but rejects with `crashed` if the Wasm, which alone could settle it, is gone.
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  guard(promise) {
    return new Promise((resolve, reject) => {
      const remove = this.onCrash(reject);
      Promise.resolve(promise).then(resolve, reject).finally(remove);
    });
  }

  /** @param {RingforkError} error */
  crash(error) {
    if (this.error) return;
    this.error = error;
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher(error);
  }
}

/** @param {{ wasmUrl?: string | URL, execUrl?: string | URL }} urls */
async function boot({ wasmUrl, execUrl }) {
  if (typeof WebAssembly !== "object")
    throw new RingforkError("unsupported-browser", "this browser has no WebAssembly");
  const [Go, module] = await Promise.all([
    goClass ?? importGo(execUrl ?? new URL("../wasm_exec.js", import.meta.url)),
    compiled ?? compile(wasmUrl ?? new URL("../ringfork.wasm", import.meta.url)),
  ]);
  goClass = Go;
  const go = new Go();
  const output = new Output();
  const key = `ringfork:${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
  go.argv = ["ringfork", key];
  // The stock one writes through globalThis.fs, which is not ours once the Wasm has booted.
  go.importObject.gojs["runtime.wasmWrite"] = (/** @type {number} */ sp) => {
    sp >>>= 0;
    const start = Number(go.mem.getBigInt64(sp + 16, true));
    output.write(new Uint8Array(go.mem.buffer, start, go.mem.getInt32(sp + 24, true)));
  };

  let instance;
  try {
    instance = await WebAssembly.instantiate(module, go.importObject);
  } catch (cause) {
    throw new RingforkError("wasm-load-failed", "the file is no Wasm of Ringfork, or does not fit its wasm_exec.js", {
      cause,
    });
  }
  compiled = module; // kept for a start after a crash; not before it is known to fit
  return run(go, instance, key, output);
}

/**
 * Runs the Go program until it hands over its API. The page's globals are changed only meanwhile, and that is
 * synchronous unless the program waits for something before it boots.
 * @param {Go} go
 * @param {WebAssembly.Instance} wasm
 * @param {string} key
 * @param {Output} output
 * @returns {Promise<WasmInstance>}
 */
function run(go, wasm, key, output) {
  return new Promise((resolve, reject) => {
    /** @type {WasmInstance | null} */
    let booted = null;
    let gone = false;
    /** @type {unknown[]} */
    let held = [];
    const restore = installGlobals({ ...stubs(output), [key]: boot });

    /** @param {RawApi} api */
    function boot(api) {
      restore();
      booted = new WasmInstance(api);
      resolve(booted);
    }

    /** @param {string} what @param {unknown} [cause] */
    function stop(what, cause) {
      if (gone) return;
      gone = true;
      restore();
      for (const timer of go._scheduledTimeouts.values()) clearTimeout(timer);
      go._scheduledTimeouts.clear();
      closeConnections(held);
      held = [];
      const error = new RingforkError("crashed", what, {
        cause: cause ?? (output.tail() ? new Error(output.tail()) : undefined),
      });
      if (booted) booted.crash(error);
      else reject(error);
    }

    go.exit = (code) => stop(code === 0 ? "the Wasm exited" : `the Wasm crashed (exit code ${code})`);
    // Everything that enters Go later goes through here: a trap counts as a crash, a late callback after one does nothing.
    const resume = go._resume;
    go._resume = () => {
      if (gone) return;
      try {
        resume.call(go);
      } catch (error) {
        stop("the Wasm trapped", error);
      }
    };
    const running = go.run(wasm);
    held = gone ? [] : (go._values ?? []); // wasm_exec.js forgets its own list before it says that Go is gone
    running.then(
      () => stop("the Wasm exited"),
      (error) => stop("the Wasm trapped", error),
    );
  });
}

/**
 * Closes every peer connection that the dead Go program held, those that still rang silently included.
 * @param {unknown[]} values
 */
function closeConnections(values) {
  if (typeof RTCPeerConnection !== "function") return;
  for (const value of values) {
    if (value instanceof RTCPeerConnection) value.close();
  }
}

/**
 * Imports wasm_exec.js, which defines globals, takes its class and removes what it defined.
 * @param {string | URL} url
 * @returns {Promise<new () => Go>}
 */
async function importGo(url) {
  const names = ["Go", "fs", "process", "path"];
  const before = new Map(names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
  // A module runs once per URL. The fragment, which is never sent, makes it run again after a failure or a hot reload.
  const once = new URL(url);
  once.hash = `${Date.now()}-${Math.random()}`;
  try {
    await import(/* @vite-ignore */ /* webpackIgnore: true */ once.href);
    if (typeof global.Go !== "function") throw new Error("wasm_exec.js defined no Go");
    return global.Go;
  } catch (cause) {
    throw new RingforkError("wasm-load-failed", "wasm_exec.js could not be loaded", { cause });
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else if (isFromWasmExec(name)) delete global[name];
    }
  }
}

/**
 * Whether a global is what wasm_exec.js defines: the page may have defined one of the name while it loaded.
 * @param {string} name
 */
function isFromWasmExec(name) {
  const value = global[name];
  if (name === "fs") return value?.constants?.O_WRONLY === -1;
  if (name === "process") return value?.pid === -1;
  if (name === "path") return typeof value?.resolve === "function" && Object.keys(value).length === 1;
  return true;
}

/**
 * Fetches and compiles the Wasm, while it streams in if the server gives it its proper type.
 * @param {string | URL} url
 * @returns {Promise<WebAssembly.Module>}
 */
async function compile(url) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin" });
  } catch (cause) {
    throw new RingforkError("wasm-load-failed", "the Wasm could not be fetched", { cause });
  }
  if (!response.ok)
    throw new RingforkError(
      "wasm-load-failed",
      `the Wasm could not be fetched: the server answered ${response.status}`,
    );
  const type = response.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  try {
    if (type === "application/wasm" && typeof WebAssembly.compileStreaming === "function") {
      return await WebAssembly.compileStreaming(response);
    }
    return await WebAssembly.compile(await response.arrayBuffer());
  } catch (cause) {
    throw new RingforkError(
      "wasm-load-failed",
      "the file is no Wasm, or the page's content security policy lacks 'wasm-unsafe-eval'",
      { cause },
    );
  }
}

/**
 * Sets globals. The result puts back what was there, once.
 * @param {Record<string, unknown>} values
 * @returns {() => void}
 */
function installGlobals(values) {
  const before = Object.keys(values).map(
    (name) => /** @type {const} */ ([name, Object.getOwnPropertyDescriptor(globalThis, name)]),
  );
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, enumerable: false, writable: true });
  }
  let done = false;
  return () => {
    if (done) return;
    done = true;
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete global[name];
    }
  };
}

/**
 * What Go's syscall package looks for while it starts: an `fs` that only prints, a `process` and a `path` that know nothing.
 * Our own, because a page's (bundlers like to define `process`) may lack what Go needs.
 * @param {Output} output
 */
function stubs(output) {
  const none = () => Object.assign(new Error("not implemented"), { code: "ENOSYS" });
  const known = {
    constants: { O_WRONLY: -1, O_RDWR: -1, O_CREAT: -1, O_TRUNC: -1, O_APPEND: -1, O_EXCL: -1, O_DIRECTORY: -1 },
    /**
     * @param {number} _fd
     * @param {Uint8Array} bytes
     * @param {number} offset
     * @param {number} length
     * @param {number | null} _position
     * @param {(error: unknown, n?: number) => void} done
     */
    write(_fd, bytes, offset, length, _position, done) {
      output.write(bytes.subarray(offset, offset + length));
      done(null, length);
    },
  };
  const fs = new Proxy(known, {
    get: (target, name) => Reflect.get(target, name) ?? ((/** @type {any[]} */ ...args) => args.at(-1)(none())),
  });
  const fail = () => {
    throw none();
  };
  const id = () => -1;
  return {
    fs,
    process: {
      pid: -1,
      ppid: -1,
      getuid: id,
      getgid: id,
      geteuid: id,
      getegid: id,
      getgroups: fail,
      umask: fail,
      cwd: fail,
      chdir: fail,
    },
    path: { resolve: (/** @type {string[]} */ ...parts) => parts.join("/") },
  };
}

/** What the Wasm prints: whole lines to the console, the last ones kept to explain a crash. */
class Output {
  #decoder = new TextDecoder();
  #line = "";
  #tail = "";

  /** @param {Uint8Array} bytes */
  write(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    this.#tail = (this.#tail + text).slice(-4096);
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop() ?? "";
    if (lines.length) console.error(lines.join("\n"));
  }

  tail() {
    return this.#tail.trim();
  }
}
