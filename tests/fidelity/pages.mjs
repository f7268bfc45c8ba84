// The pages as their readers use them, in a real browser on a phone: signing in by a code that
// comes to a messenger, talking, losing the connection, an outage; and every page by axe, in both
// languages and looks and with text twice as large.

import assert from "node:assert/strict";
import {
  check, complaints, inLab, look, newCode, phone, run, screen, until,
} from "./browser.mjs";

const LIVE_MS_MAX = 1_000;
const LOOKS = ["ko-KR", "en-GB"].flatMap((locale) =>
  ["light", "dark"].map((colorScheme) => ({ locale, colorScheme })));

await run(async (hub) => {
  const { root } = hub;
  const said = (id) => `/v1/conversations/${id}/messages`;
  await inLab("/say", { network: "telegram", user: "junho", text: "안녕" });
  await inLab("/say", { network: "line", user: "yuna", text: "안녕하세요" });
  const me = await hub.person("준호");
  const friend = await hub.person("유나");
  const members = [me.id, friend.id];
  const family = { kind: "group", title: "우리 가족", members };
  const { id } = await hub.post("/v1/conversations", family);
  await hub.post(said(id), { text: "저녁 먹었어? <b>굵게</b>", person: friend.id });
  const { context, page } = await phone();

  await check("a code that comes to a messenger opens the inbox", async () => {
    await page.goto(`${root}/inbox`);
    await page.waitForURL("**/sign-in");
    await page.fill("#who", String(me.id));
    await page.click("form.sheet button");
    await page.waitForURL("**/sign-in/code");
    await page.fill("#code", await newCode("telegram", "junho"));
    await page.click("form.sheet button");
    await page.waitForURL("**/inbox");
    assert.match(await page.textContent("main"), /우리 가족/);
  });

  await check("what is written is said elsewhere, and where it went is shown", async () => {
    await page.click("a.row");
    await page.fill("textarea", "응, 먹었어");
    await page.click("form.write button");
    await page.waitForSelector(".mine .text:text('응, 먹었어')");
    assert.equal(await page.inputValue("textarea"), "");
    await until("it is on the other screen", async () =>
      (await screen("line", "yuna")).some((text) => text.includes("응, 먹었어")));
    await page.waitForSelector(".mine .whereabouts summary");
    await page.click(".mine .whereabouts summary");
    assert.match(await page.textContent(".mine .whereabouts"), /유나 · LINE/);
  });

  await check("what others say is on an open page at once", async () => {
    const began = Date.now();
    await inLab("/say", { network: "line", user: "yuna", text: "지금 온 말" });
    await page.waitForSelector(".theirs .text:text('지금 온 말')");
    const took = Date.now() - began;
    console.log(`        ${took} ms from the network to the page`);
    assert.ok(took < LIVE_MS_MAX, `${took} ms`);
  });

  await check("what is written without a connection is kept and sent once", async () => {
    await context.setOffline(true);
    await page.fill("textarea", "연결 없이 쓴 말");
    await page.click("form.write button");
    await page.waitForFunction(() => document.querySelector(".waiting").textContent);
    await context.setOffline(false);
    await page.waitForSelector(".mine .text:text('연결 없이 쓴 말')");
    await page.reload();
    assert.equal(await page.locator(".mine .text:text('연결 없이 쓴 말')").count(), 1);
    complaints.splice(0, Infinity, ...complaints.filter((line) => !line.includes("ERR_INTERNET")));
  });

  await check("a draft is still there after the page was closed", async () => {
    await page.fill("textarea", "아직 덜 쓴");
    await page.goto(`${root}/inbox/${id}`);
    assert.equal(await page.inputValue("textarea"), "아직 덜 쓴");
    await page.fill("textarea", "");
  });

  await check("a hub that was killed and comes back knows who is signed in", async () => {
    await hub.kill();
    await hub.start();
    await page.goto(`${root}/inbox`);
    assert.match(await page.textContent("main"), /우리 가족/);
    complaints.splice(0, Infinity, ...complaints.filter((line) => !line.includes("ERR_CONN")
      && !line.includes("ERR_INCOMPLETE")));
  });

  await check("an outage is told on the front page, with its incident", async () => {
    await hub.put("/v1/networks/line/hold", { state: "down" });
    await page.goto(root);
    assert.match(await page.textContent(".headline"), /LINE/);
    await page.click("a[href^='/incidents/']");
    await page.waitForURL("**/incidents/*");
    assert.match(await page.textContent("h1"), /LINE/);
  });

  const state = await context.storageState();
  const paths = ["/status", "/incidents/1", "/sign-in", "/sign-in/code", "/inbox", `/inbox/${id}`];
  for (const how of LOOKS) {
    const name = `${how.locale}-${how.colorScheme}`;
    await check(`no page has a serious fault: ${name}`, async () => {
      const other = await phone({ ...how, storageState: state });
      for (const path of paths) await look(other.page, root, path, name);
      await other.context.close();
    });
  }

  await check("the browser complained of nothing", () => assert.deepEqual(complaints, []));
});
