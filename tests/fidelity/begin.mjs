// Somebody new, on a phone, without having read anything: the first page, a code that comes on
// KakaoTalk, LINE linked as well, a friend found by handle and talked to, KakaoTalk broken, talking
// on, and seeing where each message went. The whole of it takes less than five minutes.

import assert from "node:assert/strict";
import {
  CODE, complaints, inLab, lab, look, newCode, phone, run, screen, until,
} from "./browser.mjs";
import { check } from "./tally.mjs";

const JOURNEY_MS_MAX = 300_000;
const MOVED_MS_MAX = 90_000;
const KAKAOTALK = `
[[account]]
name = "kakaotalk"
network = "kakaotalk"
bot_token = { file = "kakao" }
bot_name = "이음"
api_url = "${lab.kakaotalk.api}"
gateway_url = "${lab.kakaotalk.gateway}"
link = "https://pf.kakao.com/_ieum/chat"
`;

/** Begins by the first page, by what somebody writes to our account on a network. */
async function begin(root, { page }, network, user, text) {
  await page.goto(root);
  await page.click(".invitation a");
  await page.waitForURL("**/join");
  await inLab("/say", { network, user, text });
  await page.fill("#code", await newCode(network, user));
  await page.click("form.sheet button");
  await page.waitForURL("**/welcome");
}

async function choose(page, handle) {
  await page.fill("#own", handle);
  await page.click("form[action='/me/handle'] button");
  await page.waitForSelector(`.told:has-text("@${handle}")`);
}

async function write(page, text) {
  await page.fill("textarea", text);
  await page.click("form.write button");
  await page.waitForSelector(`.mine .text:text("${text}")`);
}

function shown(network, user, text, waitMsMax) {
  return until(`${text} for ${user} on ${network}`, async () =>
    (await screen(network, user)).some((line) => line.includes(text)), waitMsMax);
}

/** A device with a screen lock, as the browser's own tool for tests plays it. */
async function device({ context, page }) {
  const tool = await context.newCDPSession(page);
  await tool.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await tool.send("WebAuthn.addVirtualAuthenticator", { options });
  const credentials = async () =>
    (await tool.send("WebAuthn.getCredentials", { authenticatorId })).credentials;
  const copy = (credential) => tool.send("WebAuthn.addCredential", { authenticatorId, credential });
  return { credentials, copy };
}

async function touch(page, root) {
  await page.goto(`${root}/sign-in`);
  await page.click("[data-passkey='enter'] button");
}

/** Passkeys of somebody who is signed in already. */
async function passkeys(root, one) {
  const { page } = one;
  const own = await device(one);

  await check("a passkey is added by one touch, and every chat hears of it", async () => {
    await page.goto(`${root}/me`);
    await page.click("[data-passkey='add'] button");
    await page.waitForURL("**/me?done=kept");
    await page.waitForSelector("form[action='/passkeys/remove'] button");
    assert.equal((await own.credentials()).length, 1);
    await shown("line", "minji", "패스키가 더해졌어요");
  });

  const proofs = [];
  page.on("request", (request) => {
    if (request.url() === `${root}/sign-in/passkey`) proofs.push(request.postData());
  });

  await check("it signs in without a code, and that is on record", async () => {
    await page.click("form[action='/sign-out'] button:not([name])");
    await page.waitForURL(`${root}/`);
    await touch(page, root);
    await page.waitForURL("**/inbox");
    await page.goto(`${root}/me`);
    const record = await page.textContent("details:has-text('드나든 기록')");
    assert.match(record, /패스키로 들어옴/);
    assert.match(await page.textContent("section:has(form[action='/passkeys/remove'])"), /마지막으로/);
  });

  await check("a proof that was seen on its way opens nothing a second time", async () => {
    const again = (body) => page.evaluate(async (sent) => {
      const headers = { "content-type": "application/json" };
      return (await fetch("/sign-in/passkey", { method: "POST", headers, body: sent })).status;
    }, body);
    assert.equal(proofs.length, 1);
    assert.equal(await again(proofs[0]), 422);
    const forged = JSON.parse(proofs[0]);
    forged.response.signature = forged.response.signature.replace(/^..../, "AAAA");
    assert.equal(await again(JSON.stringify(forged)), 422);
  });

  await check("one that was taken away signs nobody in", async () => {
    const [credential] = await own.credentials();
    await page.goto(`${root}/me`);
    await page.click("form[action='/passkeys/remove'] button");
    await page.waitForURL("**/me?done=kept");
    const thief = await phone();
    await (await device(thief)).copy(credential);
    await touch(thief.page, root);
    await thief.page.waitForSelector("[data-passkey='enter'] [role='alert']:visible");
    assert.equal(thief.page.url(), `${root}/sign-in`);
  });

  // The browser itself tells of answers that are no success: those were asked for.
  const asked = complaints.filter((line) => !line.includes("status of 422"));
  complaints.splice(0, complaints.length, ...asked);
}

await run(async ({ root }) => {
  const began = Date.now();
  const [minji, junho] = [await phone(), await phone({ locale: "en-GB", colorScheme: "dark" })];

  await check("the first page leads in, by a code that comes on KakaoTalk", async () => {
    await minji.page.goto(`${root}/join`);
    const link = (name) => minji.page.getAttribute(`a.button:text("${name} 열기")`, "href");
    assert.equal(await link("텔레그램"), "https://t.me/IeumBot?start=in");
    await begin(root, minji, "kakaotalk", "minji", "들어가기");
    assert.equal(await minji.page.textContent("h1"), "어서 오세요", "KakaoTalk tells no name");
  });

  await check("a second messenger is linked by two codes and a yes", async () => {
    await minji.page.click("form[action='/me/link'] button");
    const code = await minji.page.textContent(".shown-code strong");
    await inLab("/say", { network: "line", user: "minji", text: `연결 ${code}` });
    await until("KakaoTalk asks", async () =>
      !(await screen("kakaotalk", "minji")).at(-1).match(CODE));
    await inLab("/say", { network: "kakaotalk", user: "minji", text: "네" });
    await until("both are on the page", async () => {
      await minji.page.goto(`${root}/welcome`);
      return (await minji.page.textContent("main")).includes("✓ 메신저 2개");
    });
    await choose(minji.page, "minji");
  });

  await check("a friend begins on Telegram by its link and takes a handle", async () => {
    await begin(root, junho, "telegram", "junho", "/start in");
    assert.equal(await junho.page.textContent("h1"), "Welcome, 준호");
    await choose(junho.page, "junho");
  });

  await check("a friend is found by handle, accepts, and both can talk", async () => {
    await minji.page.fill("#friend", "@junho");
    await minji.page.click("form[action='/people'] button");
    await minji.page.waitForSelector(".told");
    await junho.page.goto(`${root}/people`);
    await junho.page.click("button[value='accepted']");
    for (const { page } of [minji, junho]) {
      await page.goto(`${root}/people`);
      await page.click("a:has-text('말하기'), a:has-text('Talk')");
      await page.waitForURL("**/inbox/*");
    }
    await write(minji.page, "준호야 안녕");
    await shown("telegram", "junho", "준호야 안녕");
    await write(junho.page, "민지야 반가워");
    await shown("kakaotalk", "minji", "민지야 반가워");
  });

  await check("KakaoTalk breaks, talking goes on, and where it went is shown", async () => {
    await inLab("/fault", { network: "kakaotalk", fn: "send", surface: "api", mode: "refuse" });
    await write(junho.page, "카톡이 멈췄네");
    await shown("line", "minji", "카톡이 멈췄네", MOVED_MS_MAX);
    await write(minji.page, "그래도 들려");
    await shown("telegram", "junho", "그래도 들려");
    const where = await until("LINE is named on the page", async () => {
      await junho.page.reload();
      const mine = junho.page.locator(".mine:has-text('카톡이 멈췄네') .whereabouts");
      await mine.locator("summary").click();
      const words = await mine.textContent();
      return words.includes("LINE") && words;
    });
    assert.match(where, /민지/);
    console.log(`        ${where.replaceAll(/\s+/g, " ").trim()}`);
  });

  await check("all of it takes less than five minutes", () => {
    const took = Date.now() - began;
    console.log(`        ${took} ms from the first page to the last word`);
    assert.ok(took < JOURNEY_MS_MAX, `${took} ms`);
  });

  await passkeys(root, minji);

  for (const [name, one] of [["ko-light", minji], ["en-dark", junho]]) {
    await check(`no page of the beginning has a serious fault: ${name}`, async () => {
      for (const path of ["/", "/join", "/welcome", "/me", "/sign-in"]) await look(one.page, root, path, name);
    });
  }

  await check("the browser complained of nothing", () => assert.deepEqual(complaints, []));
}, KAKAOTALK);
