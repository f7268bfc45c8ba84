// What the scripts with a browser share: a hub over the lab, people in the lab, pages on a phone.
// Everything it starts ends with it, by its own id.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { broken, closing } from "./tally.mjs";

const SCRIPT_MS_MAX = 300_000;
const WAIT_MS_MAX = 15_000;
const PAGE_MS_MAX = 8_000;
export const TOKEN = "a-token-for-the-tests";
export const CODE = /[2-9AC-HJKMNP-RT-Y]{4}-[2-9AC-HJKMNP-RT-Y]{4}/g;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { viewport: { width: 390, height: 844 }, locale: "ko-KR", reducedMotion: "reduce" };

export const lab = JSON.parse(process.argv[2]);
const program = process.argv[3];
/** Where screenshots of every page that is looked at go; nowhere without a third argument. */
const shots = process.argv[4];

/** Asks until the answer is true. */
export async function until(what, ask, waitMsMax = WAIT_MS_MAX) {
  for (const end = Date.now() + waitMsMax; Date.now() < end;) {
    const found = await Promise.resolve().then(ask).catch(() => null);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never: ${what}`);
}

async function call(root, method, path, body) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
  const answer = await fetch(root + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** A control call of the lab's. */
export const inLab = (path, body) => call(lab.control, "POST", path, body);

/** The words on somebody's screen in the lab, in order. */
export async function screen(network, user) {
  const { lines } = await call(lab.control, "GET", `/screen/${network}/${user}`);
  return lines.map((line) => line.text ?? "");
}

/** The newest code on somebody's screen that is not among `before`. */
export function newCode(network, user, before = []) {
  return until(`a code for ${user}`, async () => {
    const found = (await screen(network, user)).join("\n").match(CODE) ?? [];
    return found.filter((code) => !before.includes(code)).at(-1);
  });
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A hub with accounts on LINE and Telegram of the lab; `more` is the rest of its configuration. */
export class Hub {
  static async make(more = "") {
    const hub = new Hub();
    hub.folder = mkdtempSync(join(tmpdir(), "ieum-pages-"));
    const port = await freePort();
    hub.root = `http://localhost:${port}`;
    const secrets = {
      token: TOKEN, bot: lab.telegram.bot_token,
      channel: lab.line.channel_secret, access: lab.line.access_token,
      kakao: lab.kakaotalk.bot_token,
    };
    for (const [name, text] of Object.entries(secrets)) writeFileSync(join(hub.folder, name), text);
    writeFileSync(join(hub.folder, "ieum.toml"), `
[hub]
listen = "127.0.0.1:${port}"
public_url = "${hub.root}"
[[hub.api_tokens]]
name = "tests"
secret = { file = "token" }
[[account]]
name = "telegram"
network = "telegram"
bot_token = { file = "bot" }
api_url = "${lab.telegram.api}"
link = "https://t.me/IeumBot"
[[account]]
name = "line"
network = "line"
channel_secret = { file = "channel" }
access_token = { file = "access" }
api_url = "${lab.line.api}"
link = "https://line.me/R/ti/p/%40ieum"
${more}`);
    await hub.start();
    await inLab("/webhook", { network: "line", url: `http://127.0.0.1:${port}/hooks/line` });
    return hub;
  }

  async start() {
    const log = openSync(join(this.folder, "hub.log"), "a");
    const words = ["serve", "--config", "ieum.toml", "--data", "data"];
    this.process = spawn(program, words, { cwd: this.folder, stdio: ["ignore", log, log] });
    try {
      await until("the hub is ready", async () => (await fetch(`${this.root}/readyz`)).ok);
    } catch (error) {
      const log = readFileSync(join(this.folder, "hub.log"), "utf8");
      throw new Error(log.slice(-2_000), { cause: error });
    }
  }

  /** Ends it without a word, by its id. */
  async kill() {
    const gone = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGKILL");
    await gone;
  }

  get(path) { return call(this.root, "GET", path); }
  post(path, body) { return call(this.root, "POST", path, body); }
  put(path, body) { return call(this.root, "PUT", path, body); }
  delete(path) { return call(this.root, "DELETE", path); }

  /** The person of this name, once they are known. */
  person(name) {
    return until(`${name} is known`, async () => {
      const { people } = await this.get("/v1/people");
      return people.find((one) => one.name === name);
    });
  }

  async close() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const found = execFileSync("sh", ["-c", "command -v chromium || command -v chromium-browser"]);
const started = { executablePath: String(found).trim(), args: ["--no-sandbox"] };
export const browser = await chromium.launch(started);
/** What browsers complained of since it was emptied. */
export const complaints = [];

/** A phone with an open page; `more` is how it differs from one in Korea. */
export async function phone(more = {}) {
  const context = await browser.newContext({ ...PHONE, ...more });
  const page = await context.newPage();
  page.setDefaultTimeout(PAGE_MS_MAX);
  page.on("console", (line) => { if (line.type() === "error") complaints.push(line.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => dialog.accept());
  return { context, page };
}

/** Fails when a page has a serious fault by axe, moves when drawn, or is too wide in large text. */
export async function look(page, root, path, name) {
  await page.goto(root + path);
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const grave = violations.filter((one) => ["serious", "critical"].includes(one.impact));
  assert.deepEqual(grave.map((one) => [path, one.id, one.nodes[0].html]), []);
  const moved = await page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    const seen = new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) if (!shift.hadRecentInput) sum += shift.value;
    });
    seen.observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(sum), 50);
  }));
  assert.ok(moved < 0.1, `${path} moved by ${moved} while it was drawn`);
  if (shots) {
    const file = `${shots}/${name}${path.replaceAll(/[/?=]/g, "_")}.png`;
    await page.screenshot({ path: file, fullPage: true });
  }
  await page.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
  const wider = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${path} is ${wider} px too wide with large text`);
}

/** Runs all journeys, ends what was started, and prints the closing line. */
export async function run(journeys, more) {
  const late = setTimeout(() => {
    console.log(`  FAIL  the script took longer than ${SCRIPT_MS_MAX} ms`);
    process.exitCode = 1;
    process.exit();
  }, SCRIPT_MS_MAX);
  let hub;
  try {
    hub = await Hub.make(more);
    await journeys(hub);
  } catch (error) {
    broken(error);
  } finally {
    await browser.close();
    await hub?.close();
    clearTimeout(late);
  }
  process.exitCode = closing();
}
