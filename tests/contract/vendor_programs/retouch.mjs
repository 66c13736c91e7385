import { readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const [address, token, photo, payload, result, pause] = process.argv.slice(2);

async function json(answer) {
  const body = await answer.json();
  if (!answer.ok || body.status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

const form = new FormData();
form.append("file", new Blob([await readFile(photo)]), basename(photo));
form.append("token", token);
form.append("payload", await readFile(payload, "utf8"));
const { id } = await json(await fetch(`${address}/api/v1/retoucher/start`, { method: "POST", body: form }));

for (;;) {
  const { state, progress, pluginName, reason } = await json(await fetch(`${address}/api/v1/retoucher/status/${id}`));
  console.log(state, progress, pluginName);
  if (state === "completed") break;
  if (state === "failed") throw new Error(reason);
  await sleep(1000 * pause);
}

const answer = await fetch(`${address}/api/v1/retoucher/getFile/${id}`);
if (!answer.ok) throw new Error(`getFile: ${answer.status}`);
await writeFile(result, Buffer.from(await answer.arrayBuffer()));
