import { h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} DialogView
 * @property {string} title
 * @property {string} testid
 * @property {HTMLElement} body
 * @property {boolean} [firm]  a click beside it does not close it
 * @property {() => void} [update]  follows a change of state
 * @property {() => void} [closed]  it was closed, by whomever
 */

/**
 * One dialog at a time, over the screen it was opened on. One of the home screen is set aside while a call is shown,
 * and comes back after it.
 */
export class Dialogs {
  #screen;
  /** @type {{ element: HTMLDialogElement, view: DialogView, screen: string } | null} */
  #open = null;

  /** @param {() => string} screen  which screen is shown */
  constructor(screen) {
    this.#screen = screen;
  }

  /** @param {DialogView} view */
  show(view) {
    this.close();
    const close = h("button", { class: "dialog-close", type: "button", "aria-label": "Close", "data-testid": "dialog-close", onclick: () => this.close() }, icon("close"));
    const heading = h("h2", { class: "dialog-title", id: "dialog-title", tabindex: -1 }, view.title);
    const element = h("dialog", { class: "dialog", "aria-labelledby": "dialog-title", "data-testid": view.testid }, h("div", { class: "dialog-head" }, heading, close), view.body);
    element.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    element.addEventListener("click", (event) => {
      if (event.target === element && !view.firm) this.close(); // the ground behind it
    });
    document.body.append(element);
    this.#open = { element, view, screen: this.#screen() };
    element.showModal();
    heading.focus();
  }

  close() {
    const open = this.#open;
    this.#open = null;
    open?.element.close();
    open?.element.remove();
    open?.view.closed?.();
  }

  /** Follows the page. */
  update() {
    if (!this.#open) return;
    const { element, view, screen } = this.#open;
    const there = this.#screen() === screen;
    if (!there && screen !== "home") return this.close();
    if (there && !element.open) element.showModal();
    if (!there && element.open) element.close();
    view.update?.();
  }
}
