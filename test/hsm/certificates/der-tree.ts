/**
 * DER taken apart and put together with one value written otherwise: for tests of its readers.
 */
import { DerReader, encodeDer } from "../../../src/crypto/der.ts";

export interface DerNode {
  readonly tag: number;
  /** Contents, or the values that they are. */
  readonly contents: Uint8Array;
  readonly children: readonly DerNode[] | null;
}

export function derTree(bytes: Uint8Array): DerNode {
  const [root] = derNodes(bytes);
  if (root === undefined) throw new RangeError("bytes: expected a value");
  return root;
}

function derNodes(bytes: Uint8Array): DerNode[] {
  const nodes: DerNode[] = [];
  const reader = new DerReader(bytes);
  while (!reader.isAtEnd) {
    const { tag, contents } = reader.any();
    nodes.push({ tag, contents, children: (tag & 0x20) === 0 ? null : derNodes(contents) });
  }
  return nodes;
}

/** The node and all in it. */
export function* everyNode(node: DerNode): Generator<DerNode> {
  yield node;
  for (const child of node.children ?? []) yield* everyNode(child);
}

/** The bytes of `node`, in which `write`, where it gives any, stands for a node in it. */
export function derBytes(
  node: DerNode,
  write: (node: DerNode, contents: Uint8Array) => Uint8Array | null = () => null,
): Uint8Array {
  const parts = node.children?.map((child) => derBytes(child, write)) ?? [node.contents];
  const contents = new Uint8Array(Buffer.concat(parts));
  return write(node, contents) ?? encodeDer(node.tag, contents);
}
