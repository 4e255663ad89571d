// A join and network server made of the npm package lora-packet: one line of JSON in, one line out.
"use strict";
const lora = require("lora-packet");
const readline = require("readline");
const crypto = require("crypto");

const hex = (text) => Buffer.from(text, "hex");
const none = Buffer.alloc(0);

function join(asked) {
  const request = lora.fromWire(hex(asked.raw));
  const root = hex(asked.nwk_key || asked.app_key);
  if (request.getMType() !== "Join Request") return { error: "no join-request" };
  if (!lora.verifyMIC(request, undefined, root)) return { error: "wrong MIC" };
  const nonces = {
    dev_eui: request.DevEUI.toString("hex"),
    join_eui: request.AppEUI.toString("hex"),
    dev_nonce: request.DevNonce.readUInt16BE(0),
  };
  const joinNonce = hex(asked.join_nonce);
  const netId = hex(asked.net_id);
  const fields = {
    MType: "Join Accept",
    AppNonce: joinNonce,
    NetID: netId,
    DevAddr: hex(asked.dev_addr),
    DLSettings: asked.nwk_key ? 0x80 : 0x03,
    RxDelay: 1,
    CFList: asked.cf_list ? hex(asked.cf_list) : none,
  };
  if (asked.nwk_key) return { ...nonces, ...join11(asked, request, fields, joinNonce) };
  const accept = lora.fromFields(fields, undefined, undefined, root);
  const keys = lora.generateSessionKeys10(root, netId, joinNonce, request.DevNonce);
  return {
    ...nonces,
    raw: accept.PHYPayload.toString("hex"),
    keys: { NwkSKey: keys.NwkSKey.toString("hex"), AppSKey: keys.AppSKey.toString("hex") },
  };
}

// With OptNeg the MIC has a key of its own, which fromFields would seal with too: that is done here.
function join11(asked, request, fields, joinNonce) {
  const nwkKey = hex(asked.nwk_key);
  const clear = lora.fromFields({ ...fields, AppEUI: request.AppEUI, DevNonce: request.DevNonce });
  lora.recalculateMIC(clear, lora.generateJSKeys(nwkKey, request.DevEUI).JSIntKey);
  const cipher = crypto.createDecipheriv("aes-128-ecb", nwkKey, null).setAutoPadding(false);
  const sealed = Buffer.concat([cipher.update(Buffer.concat([clear.MACPayload, clear.MIC])), cipher.final()]);
  const keys = lora.generateSessionKeys11(
    hex(asked.app_key), nwkKey, request.AppEUI, joinNonce, request.DevNonce);
  return {
    raw: Buffer.concat([clear.MHDR, sealed]).toString("hex"),
    keys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, key.toString("hex")])),
  };
}

function uplink(asked) {
  const packet = lora.fromWire(hex(asked.raw));
  const network = hex(asked.nwk_s_key);
  const port = packet.getFPort();
  return {
    mic: lora.verifyMIC(packet, network),
    dev_addr: packet.DevAddr.toString("hex"),
    f_cnt: packet.getFCnt(),
    confirmed: packet.isConfirmed(),
    f_port: port,
    payload: port === null ? "" : lora.decrypt(packet, hex(asked.app_s_key), network).toString("hex"),
  };
}

function downlink(asked) {
  const packet = lora.fromFields(
    {
      MType: "Unconfirmed Data Down",
      DevAddr: hex(asked.dev_addr),
      FCtrl: { ADR: false, ACK: asked.ack, ADRACKReq: false, FPending: false },
      FCnt: asked.f_cnt,
      FPort: asked.f_port,
      payload: hex(asked.payload),
    },
    hex(asked.app_s_key),
    hex(asked.nwk_s_key),
  );
  return { raw: packet.PHYPayload.toString("hex") };
}

const answers = { join, uplink, downlink };
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const asked = JSON.parse(line);
  let answer;
  try {
    answer = answers[asked.ask](asked);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
