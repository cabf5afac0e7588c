/**
 * One key as a person reads it: the HSM's own view with its kind in words and what it can be asked
 * for.
 *
 * docs/HSM.md §3. Whether it may be used, and by whom, the HSM decides when it is asked.
 */
import { KEY_FLAGS, type KeyFlag } from "../../hsm/memory/key-record.ts";
import type { KeyView as HsmKeyView } from "../../hsm/views.ts";
import { mechanismsOf } from "./key-mechanisms.ts";
import type { KeyView } from "./views.ts";

const TYPE_TEXT: Readonly<Record<HsmKeyView["type"], string>> = {
  aes: "AES",
  ec: "EC",
  "generic-secret": "Secret",
  rsa: "RSA",
};

/** `wrapWithTrusted` as the CloudHSM tools write it: `wrap-with-trusted`. */
function flagText(flag: KeyFlag): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

export function keyView(view: HsmKeyView): KeyView {
  return {
    handle: view.handle,
    label: view.label,
    kind: `${TYPE_TEXT[view.type]} ${view.curve ?? view.sizeBits}`,
    keyClass: view.class,
    idHex: view.id,
    owner: view.owner === "" ? "(deleted user)" : view.owner,
    sharedWith: view.sharedWith,
    attributes: KEY_FLAGS.filter((flag) => view.attributes[flag]).map(flagText),
    extractable: view.attributes.extractable,
    checkValue: view.checkValue ?? "",
    publicPem: view.publicKeyPem ?? "",
    ...mechanismsOf(view),
  };
}
