/**
 * The Wasm: loaded once per page, shared by all its phones, started afresh after a crash.
 */
import { RingforkError } from "./errors.js";
import type { RawApi } from "./types.js";
export type Go = {
    argv: string[];
    exit: (code: number) => void;
    importObject: WebAssembly.Imports & {
        gojs: WebAssembly.ModuleImports;
    };
    run: (instance: WebAssembly.Instance) => Promise<void>;
    mem: DataView;
    exited: boolean;
    _resume: () => void;
    /**
     * all JavaScript values that Go holds
     */
    _values?: unknown[];
    _scheduledTimeouts: Map<number, ReturnType<typeof setTimeout>>;
};
/**
 * Gives the page's Wasm instance, loading it if there is none. What is loaded already is used whatever the URLs say.
 * After a failure or a crash the next call starts over.
 * @param {{ wasmUrl?: string | URL, execUrl?: string | URL }} [urls]
 * @returns {Promise<WasmInstance>}
 * @throws {RingforkError} unsupported-browser, wasm-load-failed, crashed (while it started)
 */
export declare function loadWasm(urls?: {
    wasmUrl?: string | URL;
    execUrl?: string | URL;
}): Promise<WasmInstance>;
/**
 * The number of Go callbacks that JavaScript can call at this moment, for leak tests. 0 when nothing is loaded.
 * @returns {Promise<number>}
 */
export declare function liveFuncs(): Promise<number>;
/** One run of the Wasm. */
export declare class WasmInstance {
    #private;
    api: RawApi;
    /** Why it stopped; null while it runs. @type {RingforkError | null} */
    error: RingforkError | null;
    /** @param {RawApi} api */
    constructor(api: RawApi);
    /**
     * Calls `watcher` once if the Wasm crashes. The result removes it.
     * @param {(error: RingforkError) => void} watcher
     * @returns {() => void}
     */
    onCrash(watcher: (error: RingforkError) => void): () => void;
    /**
     * Settles as `promise` does, but rejects with `crashed` if the Wasm, which alone could settle it, is gone.
     * @template T
     * @param {Promise<T>} promise
     * @returns {Promise<T>}
     */
    guard<T>(promise: Promise<T>): Promise<T>;
    /** @param {RingforkError} error */
    crash(error: RingforkError): void;
}
