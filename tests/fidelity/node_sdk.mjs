// LINE's Node SDK and grammY against the lab. Each check compares and can fail.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { HTTPFetchError, messagingApi, validateSignature } from "@line/bot-sdk";
import { Bot, GrammyError } from "grammy";
import { check, closing } from "./tally.mjs";

const WAIT_MS_MAX = 10_000;
const lab = JSON.parse(process.argv[2]);

async function control(method, path, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(lab.control + path, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

async function friends(network) {
  for (const [id, name] of [["haru", "하루"], ["bora", "보라"]]) {
    await control("POST", "/user", { network, id, name });
  }
  const members = ["haru", "bora"];
  const room = { network, id: "friends", title: "친구들", members };
  return (await control("POST", "/room", room)).native;
}

async function texts(network, user) {
  const { lines } = await control("GET", `/screen/${network}/${user}`);
  return lines.map((line) => line.text);
}

// A server that hands over the first request that holds `words`.
function hook(words) {
  let server;
  const found = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("no webhook came")), WAIT_MS_MAX);
    server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      response.end("{}");
      if (body.includes(words)) {
        clearTimeout(late);
        resolve({ body, signature: request.headers["x-line-signature"] });
      }
    }).listen(0, "127.0.0.1");
  });
  return new Promise((resolve) => {
    server.on("listening", () => {
      const url = `http://127.0.0.1:${server.address().port}/hook`;
      const close = () => {
        server.close();
        server.closeAllConnections();
      };
      resolve({ url, found, close });
    });
  });
}

async function line() {
  console.log("LINE");
  const room = await friends("line");
  const options = { channelAccessToken: lab.line.access_token, baseURL: lab.line.api };
  const client = new messagingApi.MessagingApiClient(options);
  await check("a push is shown", async () => {
    await client.pushMessage({ to: room, messages: [{ type: "text", text: "노드에서" }] });
    assert.equal((await texts("line", "haru")).at(-1), "노드에서");
  });
  await check("a bad reply token is refused", async () => {
    const answer = { replyToken: "never", messages: [{ type: "text", text: "답" }] };
    const refused = (error) => error instanceof HTTPFetchError && error.status === 400;
    await assert.rejects(client.replyMessage(answer), refused);
  });
  const { url, found, close } = await hook("서명해 줘");
  await control("POST", "/webhook", { network: "line", url });
  const said = { network: "line", user: "haru", room: "friends", text: "서명해 줘" };
  await control("POST", "/say", said);
  await check("a webhook is signed", async () => {
    const { body, signature } = await found;
    assert.equal(validateSignature(body, lab.line.channel_secret, signature), true);
    assert.equal(validateSignature(body, "another", signature), false);
  });
  close();
}

async function telegram() {
  console.log("Telegram");
  const room = await friends("telegram");
  const { api } = new Bot(lab.telegram.bot_token, { client: { apiRoot: lab.telegram.api } });
  await check("the bot is a bot", async () => assert.equal((await api.getMe()).is_bot, true));
  await check("a message is shown and edited", async () => {
    const sent = await api.sendMessage(room, "그래미");
    assert.equal((await texts("telegram", "haru")).at(-1), "그래미");
    await api.editMessageText(room, sent.message_id, "고침");
    assert.equal((await texts("telegram", "haru")).at(-1), "고침");
  });
  await check("a message is polled", async () => {
    const said = { network: "telegram", user: "haru", room: "friends", text: "/start 안녕" };
    await control("POST", "/say", said);
    const updates = await api.getUpdates({ timeout: 1 });
    assert.equal(updates.at(-1).message.text, "/start 안녕");
    assert.equal(String(updates.at(-1).message.chat.id), room);
  });
  await check("a refusal has its code", async () => {
    const refused = (error) => error instanceof GrammyError && error.error_code === 400;
    await assert.rejects(api.sendMessage(424242424242, "누구"), refused);
  });
}

for (const part of [line, telegram]) {
  await check(`${part.name} ran to its end`, part);
}
process.exit(closing());
