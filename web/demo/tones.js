import { withAudio } from "./audio.js";

/**
 * The two sounds of the page. Each is computed once into a buffer that loops by itself: a timer would be
 * late in a hidden tab.
 *
 * @typedef {{ at: number, hertz: number, seconds: number, gain: number }} Note
 * @typedef {{ seconds: number, notes: Note[], partials: number[], attack: number, decay: number }} Tune
 */

/** A soft marimba figure, twice, then a pause. @type {Tune} */
const ringTune = {
  seconds: 3.6,
  notes: [0, 1.05].flatMap((start) => [
    { at: start, hertz: 587.33, seconds: 0.9, gain: 0.2 },
    { at: start + 0.15, hertz: 739.99, seconds: 0.9, gain: 0.18 },
    { at: start + 0.3, hertz: 880, seconds: 1, gain: 0.18 },
    { at: start + 0.6, hertz: 1174.66, seconds: 1.2, gain: 0.14 },
  ]),
  partials: [1, 0.12, 0.05, 0.08],
  attack: 0.006,
  decay: 0.22,
};

/** A quiet hum, one second in four. @type {Tune} */
const ringbackTune = {
  seconds: 4,
  notes: [
    { at: 0.2, hertz: 425, seconds: 1, gain: 0.045 },
    { at: 0.2, hertz: 428, seconds: 1, gain: 0.03 },
  ],
  partials: [1],
  attack: 0.12,
  decay: Infinity,
};

/**
 * Rings until the returned function is called: in one tab of the profile in this browser. When that tab
 * stops first, another one goes on. A tab that may not sound yet does not stand in the queue.
 *
 * @param {string} profile
 * @returns {() => void}
 */
export function startRingtone(profile) {
  return start((context, signal) =>
    navigator.locks
      ? navigator.locks.request(`ringfork-demo-ringtone-${profile}`, { signal }, () => loop(context, ringTune, signal))
      : loop(context, ringTune, signal),
  );
}

/**
 * Tells the caller that it rings, until the returned function is called.
 *
 * @returns {() => void}
 */
export function startRingback() {
  return start((context, signal) => loop(context, ringbackTune, signal));
}

/**
 * @param {(context: AudioContext, signal: AbortSignal) => Promise<void>} play
 * @returns {() => void}
 */
function start(play) {
  const stop = new AbortController();
  withAudio(stop.signal, (context) => play(context, stop.signal)).catch((error) => {
    // A page that cannot sound still rings for the eye.
    if (!stop.signal.aborted) console.warn("no ringing sound:", error);
  });
  return () => stop.abort();
}

/**
 * @param {AudioContext} context
 * @param {Tune} tune
 * @param {AbortSignal} signal
 * @returns {Promise<void>} done when aborted and silent
 */
function loop(context, tune, signal) {
  if (signal.aborted) return Promise.resolve();
  const source = new AudioBufferSourceNode(context, { buffer: render(context, tune), loop: true });
  const volume = new GainNode(context, { gain: 1 });
  source.connect(volume).connect(context.destination);
  source.start();
  return new Promise((resolve) => {
    source.addEventListener("ended", () => resolve());
    signal.addEventListener("abort", () => {
      volume.gain.setTargetAtTime(0, context.currentTime, 0.02); // a cut wave clicks
      source.stop(context.currentTime + 0.1);
    });
  });
}

/** @type {WeakMap<Tune, AudioBuffer>} */
const rendered = new WeakMap();

/**
 * @param {AudioContext} context
 * @param {Tune} tune
 * @returns {AudioBuffer}
 */
function render(context, tune) {
  const known = rendered.get(tune);
  if (known) return known;
  const rate = context.sampleRate;
  const buffer = new AudioBuffer({ length: Math.round(tune.seconds * rate), sampleRate: rate });
  const samples = buffer.getChannelData(0);
  for (const note of tune.notes) {
    const first = Math.round(note.at * rate);
    const count = Math.min(Math.round(note.seconds * rate), samples.length - first);
    for (let i = 0; i < count; i++) {
      const t = i / rate;
      const envelope = Math.min(1, t / tune.attack, (note.seconds - t) / 0.1) * Math.exp(-t / tune.decay);
      let wave = 0;
      tune.partials.forEach((gain, n) => (wave += gain * Math.sin(2 * Math.PI * note.hertz * (n + 1) * t)));
      samples[first + i] = (samples[first + i] ?? 0) + note.gain * envelope * wave;
    }
  }
  rendered.set(tune, buffer);
  return buffer;
}
