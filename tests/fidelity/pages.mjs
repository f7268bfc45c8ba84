// The pages as their readers use them, in a real browser on a phone: signing in by a code that
// comes to a messenger, talking, losing the connection, an outage; and every page by axe, in both
// languages and looks and with text twice as large.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import {
  CODE, complaints, inLab, look, newCode, phone, run, screen, TOKEN, until,
} from "./browser.mjs";
import { check } from "./tally.mjs";

const LIVE_MS_MAX = 1_000;
const LOOKS = ["ko-KR", "en-GB"].flatMap((locale) =>
  ["light", "dark"].map((colorScheme) => ({ locale, colorScheme })));

async function operatorAt(root) {
  const desk = await phone();
  await desk.page.goto(`${root}/console`);
  await desk.page.fill("#token", TOKEN);
  await desk.page.click("form.sheet button");
  await desk.page.waitForSelector(".cell");
  return desk;
}

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
  const signIn = async (where, person, network, user, before = []) => {
    await where.goto(`${root}/sign-in`);
    await where.fill("#who", String(person));
    await where.click("form.sheet button");
    await where.waitForURL("**/sign-in/code");
    await where.fill("#code", await newCode(network, user, before));
    await where.click("form.sheet button");
    await where.waitForURL("**/inbox");
  };

  await check("a code that comes to a messenger opens the inbox", async () => {
    await page.goto(`${root}/inbox`);
    await page.waitForURL("**/sign-in");
    await signIn(page, me.id, "telegram", "junho");
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

  await check("a text that the hub will not have comes back, and holds up no other", async () => {
    await page.goto(`${root}/inbox/${id}`);
    const long = "가".repeat(30_000);
    await page.fill("textarea", long);
    await page.click("form.write button");
    await page.waitForSelector(".waiting:text('보낼 수 없었어요')");
    assert.equal(await page.inputValue("textarea"), long);
    await page.fill("textarea", "짧은 말");
    await page.click("form.write button");
    await page.waitForSelector(".mine .text:text('짧은 말')");
    assert.equal(await page.textContent(".waiting"), "");
    // The browser itself tells of the refusal: it was asked for.
    const asked = complaints.filter((line) => !/status of 4(13|22)/.test(line));
    complaints.splice(0, complaints.length, ...asked);
  });

  await check("what was said is answered, edited, reacted to and withdrawn", async () => {
    const open = async (row) => { await row.locator(".more summary").click(); };
    const theirs = page.locator(".theirs").last();
    await open(theirs);
    await theirs.locator("button:text('👍')").click();
    await page.waitForSelector(".theirs .reactions");
    await open(page.locator(".theirs").last());
    await page.locator(".theirs").last().locator("a:text('답하기')").click();
    await page.fill("textarea", "그래");
    await page.click("form.write button");
    await page.waitForSelector(".mine:last-child .quoted");
    await page.waitForURL(`**/inbox/${id}`);
    await open(page.locator(".mine").last());
    await page.locator(".mine").last().locator("a:text('고치기')").click();
    assert.equal(await page.inputValue("textarea"), "그래");
    await page.fill("textarea", "그래 좋아");
    await page.click("form.write button");
    await page.waitForSelector(".mine .text:text('그래 좋아')");
    await page.waitForURL(`**/inbox/${id}`);
    await open(page.locator(".mine").last());
    await page.locator(".mine").last().locator("button[value='withdraw']").click();
    await page.waitForSelector(".mine:last-child .bubble:has-text('거둔 말이에요')");
  });

  await check("a picture goes elsewhere, is shown, and a page called a picture does not", async () => {
    const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAA"
      + "AABJRU5ErkJggg==", "base64");
    const file = (name, buffer) => ({ name, mimeType: "image/png", buffer });
    await page.goto(`${root}/inbox/${id}`);
    await page.click(".attach summary");
    await page.setInputFiles("#file", file("바다.png", png));
    await page.waitForSelector(".attach .preview img[src^='blob:']");
    await page.fill("#beside", "여기 봐");
    await page.click(".attach button");
    const shown = ".mine .picture img[alt='바다.png']";
    await page.waitForSelector(shown);
    await page.waitForFunction((one) => document.querySelector(one).naturalWidth === 1, shown);
    await until("it is on the other screen", async () =>
      (await screen("line", "yuna")).some((text) => text.includes("여기 봐")));
    await page.click(".attach summary");
    await page.setInputFiles("#file", file("a.png", Buffer.from("<html><script>1</script>")));
    await page.click(".attach button");
    await page.waitForSelector(".attach [role=status]:text('보낼 수 없었어요')");
    const asked = complaints.filter((line) => !/status of 422/.test(line));
    complaints.splice(0, complaints.length, ...asked);
  });

  await check("a draft is still there after the page was closed", async () => {
    await page.fill("textarea", "아직 덜 쓴");
    await page.goto(`${root}/inbox/${id}`);
    assert.equal(await page.inputValue("textarea"), "아직 덜 쓴");
    await page.fill("textarea", "");
  });

  await check("a device is told once of a message, and who looks at it needs telling no more", async () => {
    const device = await phone({ storageState: await context.storageState() });
    await device.context.grantPermissions(["notifications"], { origin: root });
    // There is no push service behind this browser: what it would give is made here.
    await device.page.addInitScript(() => {
      PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
        if (applicationServerKey.length !== 65) throw new Error("no key of the hub");
        const pair = await crypto.subtle.generateKey(
          { name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
        const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
        const text = (bytes) => btoa(String.fromCharCode(...bytes))
          .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
        const keys = { p256dh: text(raw), auth: text(new Uint8Array(16).fill(7)) };
        return { toJSON: () => ({ endpoint: "https://push.invalid/device", keys }) };
      };
    });
    await device.page.goto(`${root}/me`);
    await device.page.click("[data-push] button");
    await device.page.waitForSelector("form[action='/me/push/change'] [value='only']");
    await device.page.click("form[action='/me/push/change'] [value='only']");
    await device.page.waitForSelector("form[action='/me/push/change'] [value='words']");
    const tools = await device.context.newCDPSession(device.page);
    const worker = new Promise((resolve) => {
      tools.on("ServiceWorker.workerRegistrationUpdated", ({ registrations }) => {
        const own = registrations.find((one) => one.scopeURL === `${root}/`);
        if (own) resolve(own.registrationId);
      });
    });
    await tools.send("ServiceWorker.enable");
    const registrationId = await worker;
    const data = JSON.stringify({
      conversation: id, message: "a", title: "우리 가족", text: "유나: 안녕",
    });
    const told = () => device.page.evaluate(async () => {
      const { getNotifications } = ServiceWorkerRegistration.prototype;
      const all = await getNotifications.call(await navigator.serviceWorker.ready);
      return all.map(({ title, body, tag, data: place }) => ({ title, body, tag, place }));
    });
    for (let time = 0; time < 2; time += 1) {
      await tools.send("ServiceWorker.deliverPushMessage", { origin: root, registrationId, data });
    }
    await until("the device tells of it", async () => (await told()).length);
    assert.deepEqual(await told(), [{
      title: "우리 가족", body: "유나: 안녕", tag: `ieum-${id}`, place: `/inbox/${id}`,
    }]);
    await device.page.goto(`${root}/inbox/${id}`);
    await until("who looks needs no notification", async () => !(await told()).length);
    await device.page.goto(`${root}/me`);
    await device.page.click("form[action='/me/push/change'] [value='stop']");
    await device.page.waitForSelector("[data-push]:not([hidden])");
    await device.context.close();
  });

  await check("a hub that was killed and comes back knows who is signed in", async () => {
    await page.goto(`${root}/inbox/${id}`);
    await page.evaluate(() => navigator.serviceWorker.ready);
    await page.goto(`${root}/inbox/${id}`);
    await hub.kill();
    await page.goto(`${root}/inbox/${id}`);
    assert.match(await page.textContent("main"), /연결 없이 쓴 말/);
    await hub.start();
    await page.goto(`${root}/inbox`);
    assert.match(await page.textContent("main"), /우리 가족/);
    complaints.splice(0, Infinity, ...complaints.filter((line) => !line.includes("ERR_CONN")
      && !line.includes("ERR_INCOMPLETE")));
  });

  await check("a handle is taken, found by its link and asked for, and both can talk", async () => {
    await page.goto(`${root}/me`);
    await page.fill("#handle", "junho");
    await page.click("form[action='/me/handle'] button");
    await page.waitForSelector(".told");
    await page.click("section details summary");
    assert.equal(await page.locator("svg.picture").isVisible(), true);
    const link = (await page.textContent(".link")).trim();
    const before = await screen("line", "yuna");
    const other = await phone({ locale: "en-GB" });
    await signIn(other.page, friend.id, "line", "yuna", before.join("\n").match(CODE) ?? []);
    await other.page.goto(link);
    await other.page.click("form[action='/people'] button");
    await other.page.waitForSelector(".told");
    await page.goto(`${root}/people`);
    await page.click("button[value='accepted']");
    await page.click("text=말하기");
    await page.waitForURL("**/inbox/*");
    await other.context.close();
  });

  await check("a further messenger is linked by a code that is sent from there", async () => {
    await page.goto(`${root}/me`);
    await page.click("form[action='/me/link'] button");
    const code = await page.textContent(".shown-code strong");
    await inLab("/say", { network: "line", user: "minji", text: `연결 ${code}` });
    await until("the first messenger asks", async () =>
      (await screen("telegram", "junho")).some((text) => text.includes("민지")));
    await inLab("/say", { network: "telegram", user: "junho", text: "네" });
    await until("the way is on the page", async () => {
      await page.goto(`${root}/me`);
      return (await page.locator("form[action='/me/ways']").count()) === 2;
    });
    await page.click("form[action='/me/ways'] button[value='first']");
    assert.match(await page.textContent("ol.rows li:first-child"), /LINE/);
    page.once("dialog", (dialog) => dialog.accept());
    await page.click("ol.rows li:first-child button[value='part']");
    assert.equal(await page.locator("form[action='/me/ways']").count(), 1);
  });

  await check("a consent is taken back and given again", async () => {
    const pressed = () => page.getAttribute(".agreement .switch", "aria-checked");
    const before = await pressed();
    await page.click(".agreement .switch");
    await page.waitForSelector(".told");
    assert.notEqual(await pressed(), before);
    await page.click(".agreement .switch");
    assert.equal(await pressed(), before);
  });

  await check("an operator holds a network down, and that is told with its incident", async () => {
    const desk = await operatorAt(root);
    await desk.page.click(".cell:has(h3:text('LINE')) button[value='down']");
    await desk.page.waitForSelector(".cell:has(h3:text('LINE')) .state.down");
    await desk.context.close();
    await page.goto(root);
    assert.match(await page.textContent(".headline"), /LINE/);
    await page.click("a[href^='/incidents/']");
    await page.waitForURL("**/incidents/*");
    assert.match(await page.textContent("h1"), /LINE/);
  });

  let club, door;
  await check("a group is made, opened to anybody, entered by its link, and a ban holds", async () => {
    await page.goto(`${root}/groups`);
    await page.fill("#title", "독서 모임");
    await page.click("form[action='/groups'] button");
    await page.waitForURL("**/groups/*");
    club = new URL(page.url()).pathname;
    const deed = (word) => page.locator(`form:has(input[name='deed'][value='${word}'])`);
    await deed("open").locator("button").click();
    door = new URL((await page.textContent("p.link")).trim()).pathname;
    const other = await phone();
    const before = (await screen("line", "yuna")).join("\n").match(CODE) ?? [];
    await signIn(other.page, friend.id, "line", "yuna", before);
    await other.page.goto(root + door);
    await other.page.click(`form[action='${door}'] button`);
    await other.page.waitForURL("**/inbox/*");
    await page.goto(root + club);
    const row = page.locator("li:has(bdi:text('유나'))");
    await row.locator("summary").click();
    await row.locator("form:has([value='ban']) [name='text']").fill("광고");
    await row.locator("form:has([value='ban']) button").click();
    await page.waitForSelector("form:has([value='unban'])");
    await other.page.goto(root + door);
    await other.page.click(`form[action='${door}'] button`);
    await other.page.waitForSelector(".told");
    await page.locator("form:has([value='unban']) button").click();
    await other.page.goto(root + door);
    await other.page.click(`form[action='${door}'] button`);
    await other.page.waitForURL("**/inbox/*");
    await other.page.goto(root + club);
    const mine = other.page.locator("li:has(bdi:text('준호'))");
    await mine.locator("summary").click();
    await mine.locator("form:has([value='report']) [name='text']").fill("<b>무례</b>");
    await mine.locator("form:has([value='report']) button").click();
    await other.page.waitForSelector(".told");
    await other.context.close();
  });

  await check("a room's code is shown once, and on no other page", async () => {
    await page.goto(root + club);
    await page.click(`form[action='${club}/code'] button`);
    const code = await page.textContent(".shown-code strong");
    assert.match(code, new RegExp(CODE.source));
    await page.goto(root + club);
    assert.ok(!(await page.content()).includes(code));
  });

  const desk = await operatorAt(root);
  const { cookies } = await desk.context.storageState();
  await context.addCookies(cookies.filter((cookie) => cookie.name === "ieum_operator"));
  await desk.context.close();
  const state = await context.storageState();
  const paths = ["/status", "/incidents/1", "/join", "/welcome", "/sign-in", "/sign-in/code", "/inbox", `/inbox/${id}`,
    "/people", "/me", "/me/leave", "/groups", club, door, `/search?q=${encodeURIComponent("저녁")}`, "/console"];
  for (const how of LOOKS) {
    const name = `${how.locale}-${how.colorScheme}`;
    await check(`no page has a serious fault: ${name}`, async () => {
      const other = await phone({ ...how, storageState: state });
      for (const path of paths) await look(other.page, root, path, name);
      await other.context.close();
    });
  }

  await check("what was said is found by a part of a word, and its link leads there", async () => {
    await page.goto(`${root}/inbox`);
    await page.fill("#q", "녁 먹었");
    await page.click("form[role='search'] button");
    const row = page.locator(".rows .row:has-text('저녁 먹었어?')");
    await until("the index has it", async () => (await row.count()) || !(await page.reload()));
    await row.first().click();
    await page.waitForURL(/\/inbox\/\d+\?before=\d+#m\d+$/);
    assert.match(await page.textContent("li:target"), /저녁 먹었어\?/);
  });

  await check("everything of oneself is taken out in one file", async () => {
    await page.goto(`${root}/me`);
    const [download] = await Promise.all([
      page.waitForEvent("download"), page.click("a[href='/me/export.html']"),
    ]);
    const file = readFileSync(await download.path(), "utf8");
    assert.ok(file.includes("준호") && file.includes("저녁 먹었어?"), file.slice(0, 2_000));
  });

  await check("who leaves for good is gone, and so is what they said", async () => {
    const other = await phone();
    await signIn(other.page, friend.id, "line", "yuna", (await screen("line", "yuna")).join("\n").match(CODE) ?? []);
    await other.page.goto(`${root}/me`);
    await other.page.click("a[href='/me/leave']");
    await other.page.fill("#word", "떠나기");
    await other.page.click("form.sheet button");
    await other.page.waitForSelector("h1:text('떠났어요')");
    await other.page.goto(`${root}/inbox`);
    await other.page.waitForURL("**/sign-in");
    await other.context.close();
    await until("her words are gone", async () => {
      await page.goto(`${root}/inbox/${id}`);
      return !(await page.textContent("main")).includes("저녁 먹었어?");
    });
  });

  await check("who signs out leaves nothing on the device", async () => {
    await page.goto(`${root}/me`);
    await page.click("form[action='/sign-out'] button:not([name])");
    await page.waitForURL(root + "/");
    const kept = await page.evaluate(async () => {
      const all = await Promise.all((await caches.keys()).map(async (name) =>
        (await caches.open(name)).keys()));
      return all.flat().map((request) => new URL(request.url).pathname);
    });
    assert.deepEqual(kept.filter((path) => !path.startsWith("/assets/")), []);
  });

  await check("the browser complained of nothing", () => assert.deepEqual(complaints, []));
});
