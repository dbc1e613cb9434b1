import assert from "node:assert/strict";
import { test } from "node:test";

import { stubGlobals } from "./fakes.js";

// The smallest Wasm there is, and a stand-in for wasm_exec.js whose "program" boots at once and keeps what it was given.
const wasm = "data:application/wasm;base64,AGFzbQEAAAA=";
const exec = `data:text/javascript,${encodeURIComponent(`
  globalThis.fs ??= { constants: { O_WRONLY: -1 } };
  globalThis.process ??= { pid: -1 };
  globalThis.path ??= { resolve() {} };
  globalThis.Go = class {
    constructor() {
      this.importObject = { gojs: {} };
      this.timer = setTimeout(() => {}, 1e6).unref();
      this._scheduledTimeouts = new Map([[1, this.timer]]);
      this._resume = () => { if (this.trap) throw this.trap; this.resumed = true; };
    }
    run() {
      this._values = [];
      this.seen = { fs: globalThis.fs, process: globalThis.process, path: globalThis.path };
      const boot = globalThis[this.argv[1]];
      delete globalThis[this.argv[1]];
      if (globalThis.bootless) { this.exit(2); return Promise.resolve(); }
      boot({ go: this, funcs: () => 7 });
      return new Promise((resolve) => { this.finish = resolve; });
    }
  };
`)}`;

const loader = await import("../../ringfork/wasm.js");
const load = () => loader.loadWasm({ wasmUrl: wasm, execUrl: exec });

test("no global is left behind, and those of the page are as before", async (t) => {
  const page = { env: {} };
  stubGlobals(t, { process: Object.assign(Object.create(process), page) });
  const look = () => [
    Object.getOwnPropertyNames(globalThis), // Node's own fetch adds a symbol
    ["Go", "fs", "process", "path"].map((name) => Object.getOwnPropertyDescriptor(globalThis, name)),
  ];
  const before = look();
  const { api } = await load();
  assert.deepEqual(look(), before);

  // The program itself saw what Go's syscall package needs, whatever the page has.
  assert.equal(api.go.seen.process.pid, -1);
  assert.equal(api.go.seen.fs.constants.O_WRONLY, -1);
  const refusal = await new Promise((resolve) => api.go.seen.fs.open("/etc/passwd", 0, 0, resolve));
  assert.equal(refusal.code, "ENOSYS");
});

test("there is one instance until it crashes, and another after", async () => {
  const instance = await load();
  assert.equal(await load(), instance);
  assert.equal(await loader.liveFuncs(), 7);

  const pending = instance.guard(new Promise(() => {}));
  const told = [];
  instance.onCrash((error) => told.push(error.code));
  const removed = instance.onCrash(() => told.push("removed"));
  removed();
  instance.api.go.exit(2);
  await assert.rejects(pending, { code: "crashed" });
  await assert.rejects(instance.guard(new Promise(() => {})), { code: "crashed" });
  assert.deepEqual(told, ["crashed"]);

  assert.equal(instance.api.go._scheduledTimeouts.size, 0);
  assert.equal(instance.api.go.timer._destroyed, true, "a timer of the dead program would fire");
  instance.api.go._resume(); // a late callback into the dead program
  assert.equal(instance.api.go.resumed, undefined);
  assert.notEqual(await load(), instance);
});

test("a trap is a crash, closes what the program held, and explains itself", async (t) => {
  class Connection {
    close() {
      this.closed = true;
    }
  }
  stubGlobals(t, { RTCPeerConnection: Connection });
  const instance = await load();
  const connection = new Connection();
  instance.api.go._values.push(null, "text", connection);
  instance.api.go.trap = new WebAssembly.RuntimeError("unreachable");
  instance.api.go._resume();
  assert.equal(instance.error.code, "crashed");
  assert.equal(instance.error.cause, instance.api.go.trap);
  assert.equal(connection.closed, true);
});

test("a program that ends by itself is gone as well", async () => {
  const instance = await load();
  instance.api.go.finish();
  await assert.rejects(instance.guard(new Promise(() => {})), { code: "crashed", message: "the Wasm exited" });
});

test("a program that dies before it boots fails the load, and the next load works", async (t) => {
  stubGlobals(t, { bootless: true });
  await assert.rejects(load(), { code: "crashed" });
  globalThis.bootless = false;
  await load();
});

test("what the program prints goes to the console in whole lines", async (t) => {
  const { api } = await load();
  const lines = [];
  t.mock.method(console, "error", (line) => lines.push(line));
  const text = new TextEncoder().encode("one\ntw");
  const memory = new ArrayBuffer(64);
  new Uint8Array(memory).set(text, 40);
  const view = new DataView(memory);
  view.setBigInt64(16, 40n, true);
  view.setInt32(24, text.length, true);
  api.go.mem = view;
  api.go.importObject.gojs["runtime.wasmWrite"](0);
  assert.deepEqual(lines, ["one"]);
  api.go.seen.fs.write(2, new TextEncoder().encode("o\n"), 0, 2, null, () => {});
  assert.deepEqual(lines, ["one", "two"]);
});

// The loader keeps what it has loaded: these need one that has not. A query makes it another module.
const fresh = (name) => import(`../../ringfork/wasm.js?${name}`);

test("a missing file is wasm-load-failed, and can be tried again", async (t) => {
  const { loadWasm } = await fresh("missing");
  let status = 404;
  stubGlobals(t, { fetch: async () => new Response(Buffer.from("0061736d01000000", "hex"), { status }) });
  await assert.rejects(loadWasm({ execUrl: exec }), { code: "wasm-load-failed", message: /404/ });
  status = 200; // and without its MIME type, too
  assert.equal((await loadWasm({ execUrl: exec })).api.funcs(), 7);
});

test("a network failure, a page in place of the Wasm, a missing loader: wasm-load-failed", async (t) => {
  const { loadWasm } = await fresh("broken");
  stubGlobals(t, { fetch: () => Promise.reject(new TypeError("failed to fetch")) });
  await assert.rejects(loadWasm({ execUrl: exec }), { code: "wasm-load-failed" });
  globalThis.fetch = async () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
  await assert.rejects(loadWasm({ execUrl: exec }), { code: "wasm-load-failed" });
  globalThis.fetch = async () => new Response("junk", { headers: { "content-type": "application/wasm" } });
  await assert.rejects(loadWasm({ execUrl: exec }), { code: "wasm-load-failed" });
  await assert.rejects(loadWasm({ wasmUrl: wasm, execUrl: "data:text/javascript,throw 1" }), {
    code: "wasm-load-failed",
  });
});

test("without WebAssembly: unsupported-browser", async (t) => {
  const { loadWasm } = await fresh("none");
  stubGlobals(t, { WebAssembly: undefined });
  await assert.rejects(loadWasm(), { code: "unsupported-browser" });
});
