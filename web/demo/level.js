import { withAudio } from "./audio.js";

/**
 * Measures how loud a stream is, until the returned function is called.
 *
 * @param {MediaStream} stream  with an audio track
 * @param {(level: number) => void} onLevel  0 (silent) to 1, some 20 times a second while the tab is visible
 * @returns {() => void}
 */
export function watchLevel(stream, onLevel) {
  const stop = new AbortController();
  const { signal } = stop;
  withAudio(signal, async (context) => {
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let level = 0;
    let frame = 0;
    const measure = () => {
      frame++;
      if (frame % 3 === 0) {
        analyser.getFloatTimeDomainData(samples);
        const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        const loud = Math.min(1, Math.sqrt(power) * 5);
        level = Math.max(loud, level * 0.8); // quick to rise, slow to fall
        onLevel(level);
      }
      if (!signal.aborted) requestAnimationFrame(measure);
    };
    measure();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    source.disconnect();
    onLevel(0);
  }).catch(() => {}); // a meter is not worth a word
  return () => stop.abort();
}
