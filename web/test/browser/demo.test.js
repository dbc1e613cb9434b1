// The demo as somebody uses it who has just opened it.

import assert from "node:assert/strict";
import { test as check } from "node:test";
import { openPage } from "../support/browser.js";
import { stage } from "../support/stage.js";

const it = stage("alice", "bob");
const id = (name) => `[data-testid="${name}"]`;
const visible = (page, name) => page.waitForSelector(id(name), { visible: true });
// Again, if what was there has just been drawn anew.
const press = (page, name) => page.locator(id(name)).click();
/** What is said of how a call ended. Some of these screens leave by themselves after some seconds. */
const endText = async (page) => (await visible(page, "end-text")).evaluate((element) => element.textContent);
const screen = (page, name) => page.waitForSelector(`body[data-screen="${name}"]`);

/** Goes back to the home screen from one that leaves by itself, too. */
async function leave(page) {
  const over = new AbortController();
  await Promise.race([page.locator(id("back")).click({ signal: over.signal }), screen(page, "home")]).finally(() => over.abort());
  await screen(page, "home");
}

/** Opens the demo in a person's browser. */
const demo = (person, hash = "") => openPage(person.context, `${it.server.url}/${hash}`);

/** Presses the button for a second person, and gives the tab that it opens. */
async function secondPerson(page) {
  const opened = new Promise((resolve) => it.browser.once("targetcreated", resolve));
  await press(page, "second-person");
  const tab = await (await opened).page();
  const session = await tab.createCDPSession();
  await session.send("Emulation.setFocusEmulationEnabled", { enabled: true });
  await Promise.all([visible(page, "contact"), visible(tab, "contact")]);
  return tab;
}

check("one person alone tries a call: a second person, three tabs of theirs, and all that can be pressed", async () => {
  const alice = await demo(it.alice);
  const first = await secondPerson(alice);
  const tabs = [first];
  const hash = await first.evaluate(() => location.hash);
  assert.match(hash, /^#as=bob$/, "the card is gone from the address");
  for (let i = 0; i < 2; i++) {
    const tab = await demo(it.alice, hash);
    await visible(tab, "contact");
    tabs.push(tab);
  }

  await press(alice, "call-video");
  await alice.waitForFunction((selector) => document.querySelector(selector)?.textContent.includes("Ringing on 3 devices"), {}, id("call-state"));
  for (const tab of tabs) {
    await visible(tab, "accept");
    await tab.waitForFunction(() => document.title.includes("Alice") && document.body.innerText.includes("Alice"));
    await tab.waitForFunction(() => document.activeElement?.dataset.testid === "accept"); // Enter accepts
  }
  // One tab of the browser makes the sound, the others wait for it to stop.
  await tabs[0].waitForFunction(async () => {
    const { held, pending } = await navigator.locks.query();
    const count = (list) => list.filter(({ name }) => name.includes("ringtone")).length;
    return count(held) === 1 && count(pending) === 2;
  });

  await press(tabs[1], "accept-video");
  const [, , ...said] = await Promise.all([screen(tabs[1], "active"), screen(alice, "active"), endText(tabs[0]), endText(tabs[2])]);
  for (const text of said) assert.match(text, /elsewhere|another tab|answered/i);
  for (const page of [alice, tabs[1]]) {
    await page.waitForFunction((selector) => document.querySelector(selector)?.videoWidth > 0, {}, id("remote-video"));
  }

  await press(alice, "mute");
  await alice.waitForSelector(`${id("mute")}[aria-pressed="true"]`);
  await tabs[1].waitForFunction((selector) => /mute/i.test(document.querySelector(selector)?.textContent ?? ""), {}, id("remote-flags"));
  await press(alice, "camera");
  await tabs[1].waitForFunction((selector) => !document.querySelector(selector)?.videoWidth || document.querySelector(selector).hidden || !document.querySelector(selector).offsetParent, {}, id("remote-video"));

  await press(tabs[1], "hangup");
  await Promise.all([alice, tabs[1]].map((page) => visible(page, "end-text")));
});

check("decline, cancel: both sides are told what happened", async () => {
  const alice = await demo(it.alice);
  const bob = await secondPerson(alice);
  await press(alice, "call-audio");
  await press(bob, "decline");
  await leave(bob);
  assert.match(await endText(alice), /declin/i);
  await press(alice, "back");

  await alice.setViewport({ width: 844, height: 390 }); // a phone that lies on its side
  await press(alice, "call-audio");
  await visible(bob, "accept");
  const { bottom, height } = await alice.$eval(id("cancel"), (button) => ({ bottom: button.getBoundingClientRect().bottom, height: innerHeight }));
  assert.ok(bottom <= height, `the button ends at ${bottom}, the screen at ${height}`);
  await press(alice, "cancel");
  assert.match(await endText(bob), /stopped calling/i);
});

check("cards: a wrong one is refused in words, a link adds its owner, the owner sees a stranger ring and adds them", async () => {
  const [alice, bob] = [await demo(it.alice), await demo(it.bob, "#as=bob")];
  await (await visible(alice, "card-input")).type("nonsense");
  await press(alice, "add-contact");
  await alice.waitForFunction((selector) => [...document.querySelectorAll(selector)].some((e) => e.offsetParent && e.textContent.trim()), {}, id("error"));

  await bob.waitForFunction((selector) => /card=/.test(document.querySelector(selector)?.value ?? document.querySelector(selector)?.textContent ?? ""), {}, id("card-link"));
  const card = await bob.$eval(id("card-link"), (element) => element.value ?? element.textContent);
  await bob.waitForFunction((selector) => /online/i.test(document.querySelector(selector)?.textContent ?? ""), {}, id("relay-state"));
  await alice.goto(card.trim());
  await visible(alice, "contact");
  assert.doesNotMatch(await alice.evaluate(() => location.hash), /card=/);

  await press(alice, "call-audio");
  await visible(bob, "accept");
  await visible(bob, "stranger");
  await press(bob, "add-stranger");
  await bob.waitForFunction((selector) => !document.querySelector(selector)?.offsetParent, {}, id("add-stranger"));
  await press(bob, "accept");
  await Promise.all([alice, bob].map((page) => screen(page, "active")));
  await press(bob, "hangup");
});

check("a second browser is linked, a contact verified, and a new device is told of, all by clicking", async () => {
  const [alice, bob] = [await demo(it.alice), await demo(it.bob, "#as=bob")];
  const online = (page) => page.waitForSelector(`${id("relay-state")}[data-state="online"]`);
  const count = (page, name, n) => page.waitForFunction((selector, n) => document.querySelectorAll(selector).length === n, {}, id(name), n);
  const value = async (page, name) => (await visible(page, name)).evaluate((element) => (element.value ?? element.textContent).trim());
  await Promise.all([online(alice), online(bob)]);
  const name = await visible(bob, "my-name");
  await name.click({ count: 3 });
  await name.type("Robert");
  await press(bob, "save-name");
  await bob.waitForFunction((selector) => document.querySelector(selector)?.value === "Robert", {}, id("my-name"));
  await online(bob);

  // Alice adds Bob, who is asked.
  await alice.goto(await value(bob, "card-link"));
  await visible(alice, "contact");
  await visible(bob, "request");
  await press(bob, "request-accept");
  await visible(bob, "contact");

  // Both see the same safety number; Alice says so.
  await press(alice, "details");
  await press(bob, "details");
  for (const part of ["safety-emoji", "safety-digits"]) assert.equal(await value(alice, part), await value(bob, part));
  await visible(alice, "verify");
  await press(alice, "verify");
  await visible(alice, "unverify");
  await press(alice, "dialog-close");
  await press(bob, "dialog-close");
  await alice.waitForSelector(`${id("badge")}[data-state="verified"]`);

  // Another browser of Bob's shows a link, which he pastes into the first one.
  const elsewhere = await it.bob.elsewhere();
  const phone = await demo(elsewhere);
  const card = await value(phone, "card-link");
  await press(phone, "elsewhere-link");
  await visible(phone, "own-link");
  await press(phone, "link-back");
  assert.equal(await value(phone, "card-link"), card, "who turns back has the account that was there");
  await press(phone, "elsewhere-link");
  const link = await value(phone, "own-link");
  await press(bob, "link-device");
  await (await visible(bob, "link-input")).type(link);
  await press(bob, "link-continue");
  assert.equal(await value(bob, "short-code"), await value(phone, "short-code"));
  await press(bob, "approve");
  await visible(phone, "contact");
  assert.equal(await value(phone, "my-name"), "Robert", "it takes over the account's name");
  await Promise.all([bob, phone].map((page) => count(page, "own-device", 2)));
  const labels = (page) => page.$$eval(`${id("own-device")} .contact-name`, (names) => names.map(({ textContent }) => textContent));
  assert.match((await labels(phone)).join(), /^Robert's (.+),Robert's \1 2$/, "two devices are not called the same");

  // The new device calls: Alice is told that it is new, in the call and after it.
  await press(phone, "call-audio");
  await visible(alice, "accept");
  await alice.waitForSelector(`${id("shield")}[data-state="changed"]`, { visible: true });
  await press(alice, "accept");
  await Promise.all([alice, phone].map((page) => screen(page, "active")));
  await press(alice, "hangup");
  await press(alice, "back");
  await press(alice, "new-device");
  await visible(alice, "new-device-warning");
  await press(alice, "verify");
  await alice.waitForSelector(`${id("badge")}[data-state="verified"]`);
  await press(alice, "dialog-close");
  await alice.waitForFunction((selector) => !document.querySelector(selector), {}, id("warning"));

  // The first browser removes it.
  await press(bob, "revoke");
  await press(bob, "revoke-confirm");
  await count(bob, "own-device", 1);
  await visible(phone, "start-over");
  await press(phone, "start-over");
  await visible(phone, "no-contacts");

  // The other way round: the first browser shows the link, and the other one opens it, in the open page first.
  await press(bob, "link-device");
  const shown = await value(bob, "own-link");
  const spare = await demo(elsewhere);
  await visible(spare, "no-contacts");
  await phone.goto(shown);
  await visible(phone, "join");
  await phone.goto(`${it.server.url}/#join=rfj1`); // another one, which is cut off
  await press(phone, "join");
  await visible(phone, "error");
  await press(phone, "link-back");
  await visible(phone, "no-contacts");
  await screen(spare, "fatal"); // it was told to leave when somebody said yes
  await spare.reload();
  await visible(spare, "no-contacts");
  await phone.goto(shown);
  await visible(phone, "join");
  await press(phone, "link-back");
  await visible(phone, "no-contacts");
  await screen(spare, "home"); // nobody said yes
  await phone.goto("about:blank");
  await phone.goto(shown);
  await press(phone, "join");
  assert.equal(await value(phone, "short-code"), await value(bob, "short-code"));
  await screen(spare, "fatal");
  await spare.close();
  await press(bob, "approve");
  await visible(phone, "contact");
  assert.equal(await value(phone, "my-name"), "Robert");
  await Promise.all([bob, phone].map((page) => count(page, "own-device", 2)));
  assert.equal(await phone.evaluate(() => location.hash), "", "a link is followed once");
});
