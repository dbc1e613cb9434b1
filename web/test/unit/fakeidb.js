// IndexedDB as far as the store uses it, in memory: structured clones, versions, and transactions that run one after
// another, are taken back by abort, and end as soon as nothing is asked of them any more.

export class FakeIndexedDB {
  /** name -> { version, stores: Map of Map, connections } */
  databases = new Map();
  /** Called before a transaction of these stores and mode begins; what it throws or returns aborts the transaction at its end. */
  sabotage = null;

  open(name, version) {
    const request = new FakeRequest();
    setImmediate(async () => {
      if (!this.databases.has(name)) this.databases.set(name, { version: 0, stores: new Map(), connections: new Set(), last: Promise.resolve() });
      const state = this.databases.get(name);
      if (state.version > version) return request.fail(new DOMException("newer", "VersionError"));
      if (state.version < version) {
        for (const connection of [...state.connections]) connection.onversionchange?.({ newVersion: version });
        if (state.connections.size > 0) return request.onblocked?.();
      }
      const connection = new FakeDatabase(state, this);
      if (state.version < version) {
        request.result = connection;
        request.onupgradeneeded?.({ oldVersion: state.version, target: request });
        state.version = version;
      }
      state.connections.add(connection);
      request.succeed(connection);
    });
    return request;
  }

  deleteDatabase(name) {
    const request = new FakeRequest();
    setImmediate(() => {
      for (const connection of [...(this.databases.get(name)?.connections ?? [])]) connection.onversionchange?.({ newVersion: null });
      this.databases.delete(name);
      request.succeed(undefined);
    });
    return request;
  }

  /** What is on the disk. */
  kept(name, store) {
    return this.databases.get(name).stores.get(store);
  }
}

class FakeRequest {
  result;
  error = null;

  succeed(result) {
    this.result = result;
    this.onsuccess?.({ target: this });
  }

  fail(error) {
    this.error = error;
    this.onerror?.({ target: this });
  }
}

class FakeDatabase {
  #state;
  #owner;
  #closed = false;

  constructor(state, owner) {
    this.#state = state;
    this.#owner = owner;
  }

  get objectStoreNames() {
    return { contains: (name) => this.#state.stores.has(name) };
  }

  createObjectStore(name) {
    this.#state.stores.set(name, new Map());
  }

  transaction(names, mode) {
    if (this.#closed) throw new DOMException("closing", "InvalidStateError");
    const transaction = new FakeTransaction(this.#state, [names].flat(), mode, this.#owner.sabotage?.([names].flat(), mode));
    this.#state.last = this.#state.last.then(() => transaction.run());
    return transaction;
  }

  close() {
    this.#closed = true;
    this.#state.connections.delete(this);
  }
}

class FakeTransaction {
  error = null;
  #stores;
  #mode;
  #fault;
  #asked = [];
  #undo = [];
  #over = false;

  constructor(state, names, mode, fault) {
    this.#stores = new Map(names.map((name) => [name, state.stores.get(name)]));
    this.#mode = mode;
    this.#fault = fault;
  }

  objectStore(name) {
    const map = this.#stores.get(name);
    if (!map) throw new DOMException(name, "NotFoundError");
    const write = (key, value) => {
      if (this.#mode !== "readwrite") throw new DOMException("readonly", "ReadOnlyError");
      const clone = structuredClone(value);
      return this.#ask(() => {
        const [had, before] = [map.has(key), map.get(key)];
        this.#undo.push(() => (had ? map.set(key, before) : map.delete(key)));
        map.set(key, clone);
      });
    };
    return {
      get: (key) => this.#ask(() => structuredClone(map.get(key))),
      getAll: () => this.#ask(() => sorted(map).map(([, value]) => structuredClone(value))),
      getAllKeys: () => this.#ask(() => sorted(map).map(([key]) => key)),
      put: (value, key) => write(key, value),
    };
  }

  abort() {
    if (this.#over) throw new DOMException("over", "InvalidStateError");
    this.#over = true;
    for (const undo of this.#undo.reverse()) undo();
    queueMicrotask(() => this.onabort?.());
  }

  async run() {
    while (this.#asked.length > 0 && !this.#over) {
      const [request, work] = this.#asked.shift();
      try {
        request.succeed(work());
      } catch (error) {
        this.error = error;
        if (!this.#over) this.abort();
      }
      await new Promise(setImmediate); // a task: promises that are not done by now come too late
    }
    if (this.#over) return;
    if (this.#fault) {
      this.error = this.#fault;
      return this.abort();
    }
    this.#over = true;
    this.oncomplete?.();
  }

  #ask(work) {
    if (this.#over) throw new DOMException("inactive", "TransactionInactiveError");
    const request = new FakeRequest();
    this.#asked.push([request, work]);
    return request;
  }
}

function sorted(map) {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
