import { h } from "./dom.js";

/**
 * A video element for a stream that may come later and change.
 *
 * @param {{ class: string, testid: string, muted: boolean, label: string }} options
 * @returns {{ element: HTMLVideoElement, show: (stream: MediaStream | null) => void }}
 */
export function videoView({ class: className, testid, muted, label }) {
  const element = h("video", { class: className, autoplay: true, playsinline: true, "data-testid": testid, "aria-label": label });
  const fit = () => element.classList.toggle("fills", cropIsSmall(element));
  element.addEventListener("resize", fit);
  new ResizeObserver(fit).observe(element);
  element.muted = muted; // the attribute alone does not mute an element made by script
  return {
    element,
    show(stream) {
      if (element.srcObject === stream) return;
      element.srcObject = stream;
      if (stream) void element.play().catch(() => {}); // an early pause; the page's gesture allows sound
    },
  };
}

/**
 * Whether filling the element keeps most of the picture; if not, all of it is shown between bars.
 *
 * @param {HTMLVideoElement} video
 */
function cropIsSmall({ videoWidth, videoHeight, clientWidth, clientHeight }) {
  const ratio = (videoWidth * clientHeight) / (videoHeight * clientWidth);
  return Math.min(ratio, 1 / ratio) > 0.6;
}

/**
 * The own picture, small and mirrored; hidden while there is none.
 *
 * @returns {{ element: HTMLVideoElement, update: (stream: MediaStream | null, on: boolean) => void }}
 */
export function ownVideoView() {
  const { element, show } = videoView({ class: "own-video", testid: "own-video", muted: true, label: "Your own picture" });
  return {
    element,
    update(stream, on) {
      const visible = on && stream !== null && stream.getVideoTracks().length > 0;
      element.hidden = !visible;
      show(visible ? stream : null);
    },
  };
}
