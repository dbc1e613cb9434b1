/** The page's one AudioContext: it runs only while somebody uses it, and only once the browser lets it. */

/** @type {AudioContext | null} */
let context = null;
let users = 0;

/**
 * Borrows the context for as long as `use` takes. Where the browser wants a gesture first, `use` starts after
 * the next one; it never starts when the signal aborts before.
 *
 * @param {AbortSignal} signal
 * @param {(context: AudioContext) => Promise<void>} use
 * @returns {Promise<void>}
 */
export async function withAudio(signal, use) {
  context ??= new AudioContext();
  users++;
  try {
    if (await running(context, signal)) await use(context);
  } finally {
    if (--users === 0) void context.suspend();
  }
}

/**
 * @param {AudioContext} waited
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} false when aborted
 */
function running(waited, signal) {
  return new Promise((resolve) => {
    const gestures = ["pointerdown", "keydown"];
    const resume = () => void waited.resume().catch(() => {});
    const settle = () => {
      if (waited.state !== "running" && !signal.aborted) return;
      waited.removeEventListener("statechange", settle);
      signal.removeEventListener("abort", settle);
      for (const gesture of gestures) document.removeEventListener(gesture, resume, true);
      resolve(!signal.aborted);
    };
    waited.addEventListener("statechange", settle);
    signal.addEventListener("abort", settle);
    for (const gesture of gestures) document.addEventListener(gesture, resume, true);
    resume();
    settle();
  });
}
