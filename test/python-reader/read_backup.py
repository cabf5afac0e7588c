#!/usr/bin/env python3
"""Reads Holdfast backups by docs/FORMAT.md and recovery kits by docs/KIT.md. It shares no code with the product.

    read_backup.py BACKUP.hbk --kit KIT.json            says what is in a backup, or why it is refused
    read_backup.py BACKUP.hbk --kit KIT.json --list     and names every record
    read_backup.py BACKUP.hbk --kit KIT.json --records NEW_DIRECTORY
                                                        and writes every record, secrets included, as files
    read_backup.py --vectors test/vectors               answers the test vectors and compares
    read_backup.py --batch                              answers one JSON request per line of standard input

It needs Python 3.9 or later and the package `cryptography` (38 or later), and no network. The sections of this file follow
the chapters of FORMAT.md; "§" alone means FORMAT.md, "KIT §" means KIT.md. Where these leave open which of two faults is told, it
is the one that the product tells.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import hashlib
import hmac
import json
import os
import re
import shutil
import sys
import tempfile
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, NoReturn, Optional, Sequence, Tuple, Union

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
except ImportError:
    sys.exit(
        "read_backup.py needs the Python package `cryptography`.\n"
        "Debian and Ubuntu: apt-get install python3-cryptography, then run it with /usr/bin/python3; "
        "elsewhere: python3 -m pip install cryptography"
    )

# ---------------------------------------------------------------------------------------------------------------------
# §2 Limits

HEADER_BYTES_MAX = 4_096
HEADER_TEXT_BYTES_MAX = 128
CHUNK_BYTES_MIN, CHUNK_BYTES_MAX, CHUNK_BYTES_STEP = 512, 16_384, 16
RECORD_BYTES_MIN, RECORD_BYTES_MAX = 3, 65_536
RECORDS_MAX = 65_536
PAYLOAD_BYTES_MIN, PAYLOAD_BYTES_MAX = 64, 2**31
CLEAR_BYTES_MAX = 32_768
ENVELOPE_TEXT_BYTES_MAX = 2_048
RECIPIENTS_MAX = 8
WRAPPED_DATA_KEY_BYTES_MAX = 6_144
SEGMENT_BYTES = 65_536
SAFE_INTEGER_MAX = 2**53 - 1  # §3.1: what a u64 may hold
NESTING_MAX = 8  # §4.1: levels below the attributes of a record

# §7.2: bodies of the smallest and of the largest container that the limits allow (§3.4)
SEALED_SEGMENT_BYTES = SEGMENT_BYTES + 16
BODY_BYTES_MIN = (16 + 1 + 32 + (16 + PAYLOAD_BYTES_MIN) + 32) + 16
_LARGEST = 16 + HEADER_BYTES_MAX + 32 + PAYLOAD_BYTES_MAX // CHUNK_BYTES_MIN * (CHUNK_BYTES_MIN + 16) + 32
BODY_BYTES_MAX = _LARGEST + 16 * -(-_LARGEST // SEGMENT_BYTES)

# How many frames are unwrapped side by side (§6.2). Bounds what is held: 256 frames are 4 MiB.
LANES_MAX = 256

# ---------------------------------------------------------------------------------------------------------------------
# §9.1 Codes

SENTENCES: Dict[str, str] = {
    "not_ours": "This file is not a Holdfast backup, or a transfer in text mode changed it.",
    "newer_version": "The backup was made in a newer version of the format.",
    "truncated": "The file ends early: it was cut, or its transfer did not finish.",
    "trailing_data": "There are bytes after the end of the backup.",
    "seal_missing": "The file is bare, and a sealed one was expected.",
    "envelope_damaged": "The envelope is damaged, or its data key is not the one the seal commits to.",
    "recipients_unknown": "No recipient is of a kind that this reader knows: sealed for later keys, or damaged.",
    "location_mismatch": "This copy is held in another place than the one expected.",
    "envelope_replaced": "The envelope is genuine, but not the one that is known to be the newest of this copy.",
    "manufacturer_mismatch": "The backup was made by another manufacturer's HSM than the kit is for.",
    "key_block_damaged": "The key block is damaged.",
    "header_damaged": "The header is damaged, or the key block belongs to another backup.",
    "header_invalid": "The header is authentic, but outside the rules of this version.",
    "mode_mismatch": "The backup was made in another mode than the one expected.",
    "wrong_backup": "The backup is genuine, but not the one that was asked for.",
    "chain_mismatch": "The kit knows another backup of this cluster and number.",
    "body_damaged": "A segment of the body is damaged.",
    "body_digest_mismatch": "The body is not the one whose digest the envelope holds.",
    "container_digest_mismatch": "The container holds, but is not the one that the envelope names.",
    "chunk_damaged": "A chunk of the backup is damaged, or belongs to another backup.",
    "chunk_out_of_order": "A genuine chunk stands in another place, or has a wrong last flag.",
    "record_invalid": "A record is not what the format says.",
    "manifest_mismatch": "Manifest, footer and records disagree.",
    "trailer_damaged": "The MAC over the whole container does not hold.",
    # KIT §4
    "kit_too_large": "The recovery kit is larger than a kit can be.",
    "kit_not_json": "The recovery kit is not a JSON text.",
    "kit_not_ours": "This file is not a Holdfast recovery kit.",
    "kit_newer_version": "The recovery kit needs a newer reader.",
    "kit_member_missing": "A member of the recovery kit is missing.",
    "kit_member_invalid": "A member of the recovery kit is not what a kit allows.",
    "kit_base64": "A key in the recovery kit is not encoded as keys are.",
    "kit_key_length": "A key in the recovery kit has another length than it must.",
}

KEY_MISMATCH_SENTENCES: Dict[str, str] = {
    "cmk": "The KMS key is not here, or refuses: another key, another location, or a changed wrap.",
    "recovery": "The seal was not made for a recovery key of this kit, or that key refuses it.",
    "mkbk": "The manufacturer key (MKBK) of this id and version is not in the kit, or was destroyed.",
    "akbk": "The operator key (AKBK) of this id and version is not in the kit, or was destroyed.",
    "pbk": "The ids of MKBK and AKBK are known, but one of the two keys is not the one it was.",
}


class Refused(Exception):
    """A fault with its code. `which` names the key of a key_mismatch, `part` where a file ends, `detail` is for people."""

    def __init__(self, code: str, detail: str = "", which: Optional[str] = None, part: Optional[str] = None) -> None:
        super().__init__(code)
        self.code, self.detail, self.which, self.part = code, detail, which, part

    def sentence(self) -> str:
        sentence = KEY_MISMATCH_SENTENCES[self.which] if self.which else SENTENCES[self.code]
        return sentence + (f" ({self.detail})" if self.detail else "")

    def answer(self) -> Dict[str, Any]:
        answer: Dict[str, Any] = {"outcome": "refused", "code": self.code}
        if self.which:
            answer["which"] = self.which
        if self.part:
            answer["part"] = self.part
        return answer


class Unusable(Exception):
    """No fault of a backup or a kit: a file that cannot be read, a request that makes no sense."""


def shown(text: str) -> str:
    """Text of a file, made fit for a terminal."""
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)


# ---------------------------------------------------------------------------------------------------------------------
# §3.1 Conventions


def label(name: str) -> bytes:
    """LABEL(x)"""
    return b"holdfast/v1/" + name.encode("ascii") + b"\0"


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def u(data: bytes) -> int:
    return int.from_bytes(data, "big")


def kdf(key: bytes, name: str, context: bytes, bits: int) -> bytes:
    """SP 800-108r1 §4.1, counter mode: the counter comes first, has 32 bits and begins at 1."""
    fixed = b"holdfast/v1/" + name.encode("ascii") + b"\0" + context + bits.to_bytes(4, "big")
    blocks = (hmac_sha256(key, counter.to_bytes(4, "big") + fixed) for counter in range(1, -(-bits // 256) + 1))
    return b"".join(blocks)[: bits // 8]


class CborFault(Exception):
    """Bytes that a writer of the deterministic form would not have written, or of another form than expected."""


CborItem = Any  # int, bytes, str, bool, None, a list or a dict of such


class CborReader:
    """RFC 8949 §4.2.1, restricted as §3.1 says. Keys of maps are unsigned integers wherever this format has maps."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise CborFault("ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self) -> Tuple[int, int]:
        first = self.take(1)[0]
        major, argument = first >> 5, first & 31
        if major == 7:
            if argument not in (20, 21, 22):
                raise CborFault("neither false, true nor null")
        elif argument > 27:
            raise CborFault("an indefinite length, or none")
        elif argument > 23:
            width = 1 << (argument - 24)
            argument = u(self.take(width))
            if argument < (24 if width == 1 else 1 << (4 * width)):
                raise CborFault("a head longer than need be")
            if argument > SAFE_INTEGER_MAX:
                raise CborFault("a number beyond 2⁵³ − 1")
        return major, argument

    def item(self, level: int = 0) -> CborItem:
        """The next item. `level` is how deep it stands in the outermost one."""
        if level > NESTING_MAX:
            raise CborFault("nested too deeply")
        major, argument = self.head()
        if major == 0:
            return argument
        if major == 1:
            return -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            try:
                return self.take(argument).decode("utf-8")
            except UnicodeDecodeError:
                raise CborFault("text that is not UTF-8") from None
        if major in (4, 5) and argument > len(self.data) - self.at:
            raise CborFault("ends early")  # each item takes a byte at least: nothing is allocated for what is not there
        if major == 4:
            return [self.item(level + 1) for _ in range(argument)]
        if major == 5:
            return self.map(argument, level)
        if major == 7:
            return {20: False, 21: True, 22: None}[argument]
        raise CborFault("a tag")

    def map(self, count: int, level: int) -> Dict[int, CborItem]:
        entries: Dict[int, CborItem] = {}
        before = -1
        for _ in range(count):
            major, key = self.head()
            # Of unsigned integers the bytewise order of encodings is that of the numbers.
            if major != 0 or key <= before:
                raise CborFault("a key of a map that is no unsigned integer, not in order, or there twice")
            entries[key] = self.item(level + 1)
            before = key
        return entries


def cbor_decode(data: bytes) -> CborItem:
    reader = CborReader(data)
    item = reader.item()
    if reader.at != len(data):
        raise CborFault("bytes after the end")
    return item


def cbor_encode(item: Any) -> bytes:
    """Texts, byte strings and arrays: what keys are bound to (§7.4)."""
    if isinstance(item, str):
        data = item.encode("utf-8")
        return _cbor_head(3, len(data)) + data
    if isinstance(item, bytes):
        return _cbor_head(2, len(item)) + item
    return _cbor_head(4, len(item)) + b"".join(cbor_encode(part) for part in item)


def _cbor_head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    width = 1 if argument < 2**8 else 2 if argument < 2**16 else 4
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26}[width]]) + argument.to_bytes(width, "big")


def is_integer(item: object, low: int, high: int) -> bool:
    return type(item) is int and low <= item <= high


def is_text(item: object, longest: int) -> bool:
    return type(item) is str and 1 <= len(item.encode("utf-8")) <= longest


def is_bytes(item: object, *lengths: int) -> bool:
    return type(item) is bytes and len(item) in lengths


# ---------------------------------------------------------------------------------------------------------------------
# KIT.md: the recovery kit

KIT_BYTES_MAX = 65_536
KIT_NESTING_MAX = 32
KIT_FORMAT = "holdfast-recovery-kit/"
KIT_MEMBERS = (
    "format",
    "critical",
    "createdAt",
    "manufacturer",
    "operator",
    "recoveryKeys",
    "mkbk",
    "akbk",
    "checkpoints",
    "note",
)
KIT_MEMBERS_OPTIONAL = ("critical", "checkpoints")
RSA_DER_BYTES_MAX = 4_096
HYBRID_SEED_BYTES, HYBRID_PUBLIC_BYTES = 32, 1_216


@dataclass
class RecoveryKey:
    kind: str
    id: str
    secret: Optional[bytes]  # a seed, or PKCS#8 DER
    opened: Any = None  # what is made of the secret once: an XWingPrivateKey, or an RSA key; False where none can be


@dataclass
class Kit:
    manufacturer: str
    operator: str
    recovery_keys: Dict[Tuple[str, str], RecoveryKey]
    mkbk: Dict[Tuple[bytes, int], Optional[bytes]]  # None: destroyed
    akbk: Dict[Tuple[bytes, int], Optional[bytes]]
    checkpoints: Dict[Tuple[str, int], str]

    @property
    def has_private_keys(self) -> bool:
        return any(key.secret is not None for key in self.recovery_keys.values())

    def highest_checkpoint(self, cluster_id: str) -> Optional[int]:
        return max((number for cluster, number in self.checkpoints if cluster == cluster_id), default=None)


def read_kit(data: bytes) -> Kit:
    if len(data) > KIT_BYTES_MAX:
        raise Refused("kit_too_large")
    return _kit_of(_kit_document(data))


def _kit_document(data: bytes) -> Dict[str, Any]:
    """The faults of the file as a whole, in the order of KIT §4."""
    document: Dict[str, Any] = parse_json(data)
    name = document.get("format") if isinstance(document, dict) else None
    if not isinstance(name, str) or not re.fullmatch(re.escape(KIT_FORMAT) + "[1-9][0-9]*", name):
        raise Refused("kit_not_ours")
    if name != KIT_FORMAT + "1":
        raise Refused("kit_newer_version")
    critical = document.get("critical")
    if isinstance(critical, list) and any(isinstance(c, str) and c not in KIT_MEMBERS for c in critical):
        raise Refused("kit_newer_version", "`critical` names a member that this reader does not know")
    return document


def parse_json(data: bytes) -> Any:
    """A JSON text by KIT §2 and §3. Of a name twice in one object the last counts."""

    def constant(_: str) -> NoReturn:
        raise ValueError  # NaN and Infinity are not JSON

    def integer(digits: str) -> Union[int, float]:
        return int(digits) if len(digits) <= 20 else float("inf")

    try:
        text = data.decode("utf-8")
        text = text[1:] if text.startswith("\ufeff") else text
        if _nesting(text) > KIT_NESTING_MAX:
            raise Refused("kit_not_json", "nested too deeply")
        return json.loads(text, parse_constant=constant, parse_int=integer)
    except ValueError:  # UnicodeDecodeError and JSONDecodeError are ones
        raise Refused("kit_not_json") from None


def _nesting(text: str) -> int:
    """How deep a JSON text goes, found without following it there."""
    deepest = level = 0
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', text, re.DOTALL):
        if token[0] in "[{":
            level += 1
            deepest = max(deepest, level)
        elif token[0] in "]}":
            level -= 1
    return deepest


class _Members:
    """An object of the kit and where it stands. No fault repeats what stands there: it might be a key."""

    def __init__(self, value: Any, place: str) -> None:
        self.place = place
        if not isinstance(value, dict):
            raise Refused("kit_member_invalid", place)
        self.value: Dict[str, Any] = value

    def at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def has(self, name: str) -> bool:
        return name in self.value

    def get(self, name: str) -> Any:
        if name not in self.value:
            raise Refused("kit_member_missing", self.at(name))
        return self.value[name]

    def invalid(self, name: str) -> NoReturn:
        raise Refused("kit_member_invalid", self.at(name))

    def text(self, name: str, low: int = 1, high: int = 128, pattern: str = "") -> str:
        value: str = self.get(name)
        try:
            fits = isinstance(value, str) and low <= len(value.encode("utf-8")) <= high
        except UnicodeEncodeError:  # half of a surrogate pair
            fits = False
        if not fits or (pattern and not re.fullmatch(pattern, value, re.ASCII)):
            self.invalid(name)
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        value: Any = self.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 1.0 is the integer 1, as in every language that has one kind of number
        if not is_integer(value, low, high):
            self.invalid(name)
        return int(value)

    def entries(self, name: str, low: int, high: int) -> Iterator[_Members]:
        value = self.get(name)
        if not isinstance(value, list) or not low <= len(value) <= high:
            self.invalid(name)
        for i, entry in enumerate(value):
            yield _Members(entry, f"{self.at(name)}[{i}]")

    def base64(self, name: str, low: int, high: int) -> bytes:
        value = self.get(name)
        if not isinstance(value, str):
            self.invalid(name)
        data = base64_decode(value)
        if data is None:
            raise Refused("kit_base64", self.at(name))
        if not low <= len(data) <= high:
            raise Refused("kit_key_length", self.at(name))
        return data

    def age_key(self, name: str, prefix: str, upper: bool, length: int) -> bytes:
        value = self.get(name)
        if not isinstance(value, str):
            self.invalid(name)
        data = bech32_decode(value, prefix, upper)
        if data is None or len(data) != length:
            raise Refused("kit_base64", self.at(name))
        return data


def _kit_of(document: Dict[str, Any]) -> Kit:
    """The members, read in the order of KIT §3."""
    for name in KIT_MEMBERS:
        if name not in document and name not in KIT_MEMBERS_OPTIONAL:
            raise Refused("kit_member_missing", name)
    kit = _Members(document, "")
    if kit.has("critical"):
        names = document["critical"]  # the texts in it are names of members: _kit_document has seen to that
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            kit.invalid("critical")
    kit.text("createdAt", pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z")
    return Kit(
        manufacturer=kit.text("manufacturer"),
        operator=kit.text("operator"),
        recovery_keys=_kit_recovery_keys(kit),
        mkbk=_kit_keyring(kit, "mkbk"),
        akbk=_kit_keyring(kit, "akbk"),
        checkpoints=_kit_checkpoints_and_note(kit),
    )


def _kit_recovery_keys(kit: _Members) -> Dict[Tuple[str, str], RecoveryKey]:
    keys: Dict[Tuple[str, str], RecoveryKey] = {}
    for entry in kit.entries("recoveryKeys", 0, 8):
        kind = entry.text("kind")
        if kind not in ("hybrid", "rsa"):
            continue
        key_id = entry.text("id", pattern="[0-9a-f]{32}")
        if (kind, key_id) in keys:
            entry.invalid("id")
        secret: Optional[bytes] = None
        if entry.has("secretKey") and entry.has("publicKey"):
            entry.invalid("publicKey")
        if entry.has("publicKey"):
            check_public_half(entry, kind)
        elif kind == "hybrid":
            secret = entry.age_key("secretKey", "age-secret-key-pq-", True, HYBRID_SEED_BYTES)
        else:
            secret = entry.base64("secretKey", 1, RSA_DER_BYTES_MAX)
        keys[kind, key_id] = RecoveryKey(kind, key_id, secret)
    return keys


def check_public_half(entry: _Members, kind: str) -> None:
    """A public half opens nothing: it is looked at and let go."""
    if kind == "hybrid":
        holds = xwing_public_key_holds(entry.age_key("publicKey", "age1pq", False, HYBRID_PUBLIC_BYTES))
    else:
        holds = rsa_public_key_holds(entry.base64("publicKey", 1, RSA_DER_BYTES_MAX))
    if not holds:
        entry.invalid("publicKey")


def _kit_keyring(kit: _Members, name: str) -> Dict[Tuple[bytes, int], Optional[bytes]]:
    ring: Dict[Tuple[bytes, int], Optional[bytes]] = {}
    for entry in kit.entries(name, 1, 64):
        key_id = bytes.fromhex(entry.text("id", pattern="[0-9a-f]{32}"))
        version = entry.integer("version", 1, 2**32 - 1)
        if (key_id, version) in ring:
            entry.invalid("version")
        state = entry.text("state", pattern="active|retired|destroyed")
        if (entry.get("key") is None) != (state == "destroyed"):
            entry.invalid("key")
        ring[key_id, version] = None if state == "destroyed" else entry.base64("key", 32, 32)
    return ring


def _kit_checkpoints_and_note(kit: _Members) -> Dict[Tuple[str, int], str]:
    checkpoints: Dict[Tuple[str, int], str] = {}
    if kit.has("checkpoints"):
        for entry in kit.entries("checkpoints", 0, 64):
            cluster_id = entry.text("clusterId")
            number = entry.integer("chainNumber", 1, SAFE_INTEGER_MAX)
            if (cluster_id, number) in checkpoints:
                entry.invalid("chainNumber")
            checkpoints[cluster_id, number] = entry.text("containerDigest", pattern="[0-9a-f]{64}")
    kit.text("note", 0, 4_096)
    return checkpoints


def base64_decode(text: str) -> Optional[bytes]:
    """RFC 4648 §4 with padding, and no bits that belong to no byte."""
    if not re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text):
        return None
    data = base64.b64decode(text)
    return data if base64.b64encode(data).decode("ascii") == text else None


BECH32_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32_decode(text: str, prefix: str, upper: bool) -> Optional[bytes]:
    """BIP 173 without its limit of length; the case is the one that KIT §3 names."""
    if text != (text.upper() if upper else text.lower()):
        return None
    text = text.lower()
    if not text.startswith(prefix + "1") or any(c not in BECH32_LETTERS for c in text[len(prefix) + 1 :]):
        return None
    values = [BECH32_LETTERS.index(c) for c in text[len(prefix) + 1 :]]
    if len(values) < 6:
        return None
    checksum = 1
    for value in [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> i & 1:
                checksum ^= generator
    if checksum != 1:
        return None
    bits = 0
    for value in values[:-6]:
        bits = bits << 5 | value
    spare = 5 * (len(values) - 6) % 8
    if spare > 4 or bits & ((1 << spare) - 1):
        return None
    return (bits >> spare).to_bytes(5 * (len(values) - 6) // 8, "big")


# ---------------------------------------------------------------------------------------------------------------------
# The local KMS's file of keys (index.schema.json in test/vectors)

KMS_FORMAT = "holdfast-local-kms/1"


@dataclass
class Kms:
    keys: Dict[str, Optional[bytes]]  # None: destroyed


def read_kms(data: bytes) -> Kms:
    try:
        document = parse_json(data)
        if document["format"] != KMS_FORMAT:
            raise ValueError
        keys: Dict[str, Optional[bytes]] = {}
        for entry in document["keys"]:
            key = None if entry["state"] == "destroyed" or entry["key"] is None else base64_decode(entry["key"])
            if key is not None and len(key) != 32:
                raise ValueError
            keys.setdefault(str(entry["id"]), key)
        return Kms(keys)
    except (Refused, ValueError, KeyError, TypeError):
        raise Unusable("the file of KMS keys is not a holdfast-local-kms/1") from None


# ---------------------------------------------------------------------------------------------------------------------
# §5 Keys


def pbk_of(mkbk: bytes, akbk: bytes, ids: bytes) -> Tuple[bytes, bytes]:
    """§5.2: the PBK and its id."""
    component = kdf(mkbk, "mkbk-component", ids, 256)
    kdk = hmac_sha256(component, akbk + ids)
    purpose, algorithm = b"\0\1", b"\0\1"
    pbk = kdf(kdk, "pbk", purpose + algorithm + (256).to_bytes(2, "big") + ids, 256)
    return pbk, kdf(kdk, "pbk-id", ids, 128)


# ---------------------------------------------------------------------------------------------------------------------
# §6 Wrapping


class KeyUnwrapper:
    """AES key wrap, backwards, of many wraps of one length at once.

    Key wrap is slow in one stream: each step of it needs the step before. So wraps lie side by side in lanes of 16 bytes,
    one long integer for each row, and one call of AES-ECB takes a step in all lanes.
    """

    def __init__(self, key: bytes) -> None:
        self.decrypt: Callable[[bytes], bytes] = Cipher(algorithms.AES(key), modes.ECB()).decryptor().update

    def unwrap(self, wraps: bytes, lanes: int) -> Tuple[List[bytes], List[bytes]]:
        """SP 800-38F §6.1, the function W⁻¹: of each lane the first semiblock, and the rest."""
        words = array("Q", wraps)
        rows = len(words) // lanes  # semiblocks of one wrap
        n = rows - 1

        def spread(row: int, half: int) -> int:
            lane_words = array("Q", bytes(16 * lanes))
            lane_words[half::2] = words[row::rows]
            return u(lane_words.tobytes())

        first = spread(0, 0)
        rest = [spread(row, 1) for row in range(1, rows)]
        low_half = u((bytes(8) + b"\xff" * 8) * lanes)
        high_half = low_half << 64
        one = u((bytes(7) + b"\1" + bytes(8)) * lanes)
        decrypt, width = self.decrypt, 16 * lanes
        for step in range(6 * n, 0, -1):
            row = (step - 1) % n
            block = (first ^ (step * one)) | rest[row]
            block = int.from_bytes(decrypt(block.to_bytes(width, "big")), "big")
            first = block & high_half
            rest[row] = block & low_half

        heads = first.to_bytes(width, "big")
        out = array("Q", bytes(8 * n * lanes))
        for row in range(n):
            out[row::n] = array("Q", rest[row].to_bytes(width, "big"))[1::2]
        plain = out.tobytes()
        return (
            [heads[16 * lane : 16 * lane + 8] for lane in range(lanes)],
            [plain[8 * n * lane : 8 * n * (lane + 1)] for lane in range(lanes)],
        )

    def kw(self, wrap: bytes) -> Optional[bytes]:
        """KW-AD, SP 800-38F §6.2"""
        heads, plain = self.unwrap(wrap, 1)
        return plain[0] if hmac.compare_digest(heads[0], b"\xa6" * 8) else None

    def kwp(self, wraps: bytes, lanes: int) -> List[Optional[bytes]]:
        """KWP-AD, SP 800-38F §6.3, of wraps of more than 16 bytes"""
        results: List[Optional[bytes]] = []
        for head, plain in zip(*self.unwrap(wraps, lanes)):
            length = u(head[4:])
            padding_bytes = len(plain) - length
            holds = head[:4] == b"\xa6\x59\x59\xa6" and 0 <= padding_bytes <= 7 and not any(plain[length:])
            results.append(plain[:length] if holds else None)
        return results


def frame_bytes(payload_bytes: int) -> int:
    """§3.4: how long a frame is that holds so many bytes of the payload."""
    return 16 + 8 * -(-payload_bytes // 8)


# ---------------------------------------------------------------------------------------------------------------------
# §7.4 Recipients: ML-KEM-768 (FIPS 203), X-Wing, HPKE

Q, N, K = 3_329, 256, 3
_BITS_REVERSED = [int(f"{i:07b}"[::-1], 2) for i in range(128)]
_ZETAS = [pow(17, i, Q) for i in _BITS_REVERSED]
_GAMMAS = [pow(17, 2 * i + 1, Q) for i in _BITS_REVERSED]
Polynomial = List[int]


def _ntt(f: Polynomial) -> Polynomial:
    """FIPS 203, algorithm 9"""
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, N, 2 * length):
            zeta = _ZETAS[i]
            i += 1
            for j in range(start, start + length):
                t = zeta * f[j + length] % Q
                f[j + length] = (f[j] - t) % Q
                f[j] = (f[j] + t) % Q
        length //= 2
    return f


def _ntt_inverse(f: Polynomial) -> Polynomial:
    """FIPS 203, algorithm 10"""
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, N, 2 * length):
            zeta = _ZETAS[i]
            i -= 1
            for j in range(start, start + length):
                t = f[j]
                f[j] = (t + f[j + length]) % Q
                f[j + length] = zeta * (f[j + length] - t) % Q
        length *= 2
    return [x * 3_303 % Q for x in f]


def _dot(a: Sequence[Polynomial], b: Sequence[Polynomial]) -> Polynomial:
    """The sum of products in the NTT domain: FIPS 203, algorithms 11 and 12"""
    total = [0] * N
    for f, g in zip(a, b):
        for i, gamma in enumerate(_GAMMAS):
            a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
            total[2 * i] += a0 * b0 + a1 * b1 % Q * gamma
            total[2 * i + 1] += a0 * b1 + a1 * b0
    return [x % Q for x in total]


def _add(f: Polynomial, g: Polynomial) -> Polynomial:
    return [(x + y) % Q for x, y in zip(f, g)]


def _sample_ntt(seed: bytes) -> Polynomial:
    """FIPS 203, algorithm 7"""
    length = 840
    while True:
        stream, f = hashlib.shake_128(seed).digest(length), []  # type: bytes, Polynomial
        for i in range(0, length, 3):
            low = stream[i] | (stream[i + 1] & 15) << 8
            high = stream[i + 1] >> 4 | stream[i + 2] << 4
            f.extend(d for d in (low, high) if d < Q)
        if len(f) >= N:
            return f[:N]
        length *= 2


def _sample_cbd(seed: bytes, nonce: int) -> Polynomial:
    """FIPS 203, algorithm 8 with η = 2 over PRF"""
    bits = int.from_bytes(hashlib.shake_256(seed + bytes([nonce])).digest(128), "little")
    f = []
    for i in range(N):
        four = bits >> 4 * i & 15
        f.append(((four & 1) + (four >> 1 & 1) - (four >> 2 & 1) - (four >> 3)) % Q)
    return f


def _pack(f: Polynomial, d: int) -> bytes:
    """FIPS 203, algorithm 5"""
    return sum(x << d * i for i, x in enumerate(f)).to_bytes(32 * d, "little")


def _unpack(data: bytes, d: int) -> List[Polynomial]:
    """FIPS 203, algorithm 6, of as many polynomials as there are"""
    polynomials = []
    for at in range(0, len(data), 32 * d):
        bits = int.from_bytes(data[at : at + 32 * d], "little")
        polynomials.append([bits >> d * i & (1 << d) - 1 for i in range(N)])
    return polynomials


def _compress(f: Polynomial, d: int) -> Polynomial:
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def _decompress(f: Polynomial, d: int) -> Polynomial:
    return [(x * Q + (1 << d - 1)) >> d for x in f]


class MlKem768PrivateKey:
    """FIPS 203, with k = 3, η₁ = η₂ = 2, d_u = 10, d_v = 4. Its time tells of the key: run it where nobody measures."""

    def __init__(self, d: bytes, z: bytes) -> None:
        """Algorithms 13 and 16"""
        seeds = hashlib.sha3_512(d + bytes([K])).digest()
        rho, sigma = seeds[:32], seeds[32:]
        self.matrix = [[_sample_ntt(rho + bytes([j, i])) for j in range(K)] for i in range(K)]
        self.s = [_ntt(_sample_cbd(sigma, i)) for i in range(K)]
        self.t = [_add(_dot(self.matrix[i], self.s), _ntt(_sample_cbd(sigma, K + i))) for i in range(K)]
        self.public = b"".join(_pack(f, 12) for f in self.t) + rho
        self.z = z

    def _encrypt(self, message: bytes, randomness: bytes) -> bytes:
        """Algorithm 14"""
        y = [_ntt(_sample_cbd(randomness, i)) for i in range(K)]
        ciphertext = b""
        for i in range(K):
            column = [self.matrix[j][i] for j in range(K)]
            u_i = _add(_ntt_inverse(_dot(column, y)), _sample_cbd(randomness, K + i))
            ciphertext += _pack(_compress(u_i, 10), 10)
        mu = _decompress(_unpack(message, 1)[0], 1)
        v = _add(_add(_ntt_inverse(_dot(self.t, y)), _sample_cbd(randomness, 2 * K)), mu)
        return ciphertext + _pack(_compress(v, 4), 4)

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Algorithms 15 and 18"""
        u_parts = [_ntt(_decompress(f, 10)) for f in _unpack(ciphertext[:960], 10)]
        v = _decompress(_unpack(ciphertext[960:], 4)[0], 4)
        w = [(x - y) % Q for x, y in zip(v, _ntt_inverse(_dot(self.s, u_parts)))]
        message = _pack(_compress(w, 1), 1)
        secrets = hashlib.sha3_512(message + hashlib.sha3_256(self.public).digest()).digest()
        if hmac.compare_digest(self._encrypt(message, secrets[32:]), ciphertext):
            return secrets[:32]
        return hashlib.shake_256(self.z + ciphertext).digest(32)


class XWingPrivateKey:
    """draft-connolly-cfrg-xwing-kem: the seed gives ML-KEM's d ‖ z and the scalar of X25519."""

    def __init__(self, seed: bytes) -> None:
        expanded = hashlib.shake_256(seed).digest(96)
        self.ml_kem = MlKem768PrivateKey(expanded[:32], expanded[32:64])
        self.x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self.x25519_public = self.x25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def decapsulate(self, enc: bytes) -> Optional[bytes]:
        ml_kem_secret = self.ml_kem.decapsulate(enc[:1_088])
        try:
            x25519_secret = self.x25519.exchange(X25519PublicKey.from_public_bytes(enc[1_088:]))
        except ValueError:  # a point of low order: no writer of this format sends one
            return None
        return hashlib.sha3_256(ml_kem_secret + x25519_secret + enc[1_088:] + self.x25519_public + rb"\.//^" + b"\\").digest()


def xwing_public_key_holds(public: bytes) -> bool:
    """§7.4: the modulus check of FIPS 203 §7.2; X25519 below 2²⁵⁵ − 19 and not of low order"""
    if any(x >= Q for f in _unpack(public[:1_152], 12) for x in f):
        return False
    if int.from_bytes(public[1_184:], "little") >= 2**255 - 19:
        return False
    try:
        X25519PrivateKey.from_private_bytes(bytes(31) + b"\x40").exchange(X25519PublicKey.from_public_bytes(public[1_184:]))
    except ValueError:
        return False
    return True


def rsa_public_key_holds(der: bytes) -> bool:
    """§7.4: the SubjectPublicKeyInfo of an RSA key of 3,072 bits with exponent 65,537 has one form but for the modulus."""
    front = bytes.fromhex("308201a2300d06092a864886f70d01010105000382018f003082018a0282018100")
    modulus, end = der[len(front) : len(front) + 384], der[len(front) + 384 :]
    return der.startswith(front) and end == bytes.fromhex("0203010001") and modulus[0] >= 128 and modulus[-1] % 2 == 1


def hpke_open(key: XWingPrivateKey, wrap: bytes, info: bytes) -> Optional[bytes]:
    """RFC 9180, base mode, one message: MLKEM768-X25519, HKDF-SHA256, AES-256-GCM, no associated data"""
    suite = b"HPKE" + b"\x64\x7a" + b"\x00\x01" + b"\x00\x02"
    enc, ciphertext = wrap[:1_120], wrap[1_120:]
    shared = key.decapsulate(enc)
    if shared is None:
        return None

    def labeled_extract(salt: bytes, name: bytes, ikm: bytes) -> bytes:
        return hmac_sha256(salt, b"HPKE-v1" + suite + name + ikm)

    def labeled_expand(prk: bytes, name: bytes, content: bytes, length: int) -> bytes:
        # One block of HKDF-Expand is enough for what is asked here.
        return hmac_sha256(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + name + content + b"\1")[:length]

    context = b"\0" + labeled_extract(b"", b"psk_id_hash", b"") + labeled_extract(b"", b"info_hash", info)
    secret = labeled_extract(shared, b"secret", b"")
    aead_key = labeled_expand(secret, b"key", context, 32)
    nonce = labeled_expand(secret, b"base_nonce", context, 12)
    return gcm_open(aead_key, nonce, ciphertext, b"")


def gcm_open(key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes) -> Optional[bytes]:
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        return None


# ---------------------------------------------------------------------------------------------------------------------
# §7.3 Envelope

KIND_KMS, KIND_RSA, KIND_HYBRID = 1, 2, 3
KNOWN_KINDS = (KIND_KMS, KIND_RSA, KIND_HYBRID)
WRAP_BYTES = {KIND_RSA: 384, KIND_HYBRID: 1_168}
CONTEXT_NAMES = ("holdfast:account", "holdfast:region", "holdfast:cluster", "holdfast:backup")


@dataclass
class Recipient:
    kind: int
    key_id: str
    wrap: bytes

    def name(self) -> str:
        kinds = {KIND_KMS: "KMS key", KIND_RSA: "RSA recovery key", KIND_HYBRID: "hybrid recovery key"}
        return f"{kinds.get(self.kind, 'a key of a later kind,')} {shown(self.key_id)}"


@dataclass
class Envelope:
    seal_id: bytes
    body_bytes: int
    body_digest: bytes
    container_digest: bytes
    commitment: bytes
    number: int
    location: List[str]  # account, region, cluster id, backup id; or the last two
    recipients: List[Recipient]
    digest: bytes = b""  # SHA-256 of all of the envelope
    opened_with: str = ""


def parse_clear_part(clear: bytes) -> Envelope:
    """E-05 to E-12"""

    def demand(rule: str, holds: bool) -> None:
        if not holds:
            raise Refused("envelope_damaged", f"its clear part, by {rule}")

    try:
        fields = cbor_decode(clear)
    except CborFault as fault:
        raise Refused("envelope_damaged", f"its clear part: {fault}") from None
    demand("E-05", isinstance(fields, dict) and list(fields) == [1, 2, 3, 4, 5, 6, 7, 8])
    demand("E-06", is_bytes(fields[1], 16) and all(is_bytes(fields[key], 32) for key in (3, 4, 5)))
    demand("E-06", is_integer(fields[2], BODY_BYTES_MIN, BODY_BYTES_MAX))
    demand("E-06", fields[2] % SEALED_SEGMENT_BYTES not in range(1, 17))
    demand("E-07", is_integer(fields[6], 1, 2**32 - 1))
    location = fields[7]
    demand("E-08", isinstance(location, list) and len(location) in (2, 4))
    demand("E-08", all(is_text(text, ENVELOPE_TEXT_BYTES_MAX) for text in location))
    demand("E-09", isinstance(fields[8], list) and 1 <= len(fields[8]) <= RECIPIENTS_MAX)
    recipients: List[Recipient] = []
    for entry in fields[8]:
        demand("E-09", isinstance(entry, list) and len(entry) == 3)
        kind, key_id, wrap = entry
        demand("E-09", is_integer(kind, 1, 65_535) and is_text(key_id, ENVELOPE_TEXT_BYTES_MAX))
        demand("E-09", type(wrap) is bytes and 1 <= len(wrap) <= WRAPPED_DATA_KEY_BYTES_MAX)
        demand("E-10", len(wrap) == WRAP_BYTES.get(kind, len(wrap)))
        recipients.append(Recipient(kind, key_id, wrap))
    demand("E-11", len({(r.kind, r.key_id) for r in recipients}) == len(recipients))
    demand("E-12", len(location) == 4 or all(r.kind != KIND_KMS for r in recipients))
    return Envelope(fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], location, recipients)


class NotOpened(Exception):
    """Why a recipient gives no data key: its key is "absent", "destroyed", or here and "refused" it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def unwrap_with_kms(kms: Kms, recipient: Recipient, location: Sequence[str]) -> bytes:
    """§7.4: the local provider"""
    if recipient.key_id not in kms.keys:
        raise NotOpened("absent")
    key = kms.keys[recipient.key_id]
    if key is None:
        raise NotOpened("destroyed")
    if len(recipient.wrap) != 61 or recipient.wrap[0] != 1:
        raise NotOpened("refused")
    context = [[name, value] for name, value in zip(CONTEXT_NAMES, location)]
    aad = label("local-kms") + cbor_encode([recipient.key_id, context])
    return must_open(gcm_open(key, recipient.wrap[1:13], recipient.wrap[13:], aad))


def unwrap_with_kit(kit: Kit, recipient: Recipient, bound: bytes) -> bytes:
    """§7.4: recovery keys"""
    key = kit.recovery_keys.get(("rsa" if recipient.kind == KIND_RSA else "hybrid", recipient.key_id))
    if key is None or key.secret is None:
        raise NotOpened("absent")
    if key.kind == "hybrid":
        if key.opened is None:
            key.opened = XWingPrivateKey(key.secret)
        return must_open(hpke_open(key.opened, recipient.wrap, label("recovery-hpke") + bound))
    if key.opened is None:
        key.opened = load_rsa_key(key.secret) or False
    if not key.opened:
        raise NotOpened("refused")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), label("recovery") + bound)
    try:
        return must_open(key.opened.decrypt(recipient.wrap, oaep))
    except ValueError:
        raise NotOpened("refused") from None


def must_open(data_key: Optional[bytes]) -> bytes:
    if data_key is None or len(data_key) != 32:
        raise NotOpened("refused")
    return data_key


def load_rsa_key(der: bytes) -> Optional[rsa.RSAPrivateKey]:
    """PKCS#8 of an RSA key of 3,072 bits with exponent 65,537; the package would take other forms, too."""
    if der[:2] != b"\x30\x82" or len(der) != 4 + u(der[2:4]) or der[4:8] != b"\x02\x01\x00\x30":
        return None
    try:
        key = load_der_private_key(der, None)
    except Exception:  # versions of the package have exceptions of their own for bytes that are no key
        return None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != 3_072:
        return None
    return key if key.public_key().public_numbers().e == 65_537 else None


def find_data_key(envelope: Envelope, kit: Kit, kms: Optional[Kms]) -> bytes:
    """S-03: the data key from the first recipient that gives it, in the order in which they stand; who answers if none does"""
    bound = cbor_encode([*envelope.location, envelope.seal_id])
    known = [recipient for recipient in envelope.recipients if recipient.kind in KNOWN_KINDS]
    told: Dict[str, Recipient] = {}
    for recipient in known:
        try:
            if recipient.kind == KIND_KMS and kms is not None:
                data_key = unwrap_with_kms(kms, recipient, envelope.location)
            elif recipient.kind != KIND_KMS and kit.has_private_keys:
                data_key = unwrap_with_kit(kit, recipient, bound)
            else:
                continue
        except NotOpened as refusal:
            told[refusal.why] = recipient
            continue
        envelope.opened_with = recipient.name()
        return data_key
    speaker = told.get("refused") or told.get("destroyed") or told.get("absent") or known[0]
    detail = "it was sealed for: " + ", ".join(recipient.name() for recipient in envelope.recipients)
    raise Refused("key_mismatch", detail, which="cmk" if speaker.kind == KIND_KMS else "recovery")


# ---------------------------------------------------------------------------------------------------------------------
# Where bytes come from: a file, or the body inside it


class Stream:
    """Bytes of a known number that come in pieces, and are taken in lengths of the reader's own"""

    def __init__(self, pieces: Iterator[bytes], length: int) -> None:
        self.pieces, self.remaining = pieces, length
        self.held, self.at = b"", 0

    def peek(self, count: int) -> bytes:
        """The next bytes, or fewer where it ends"""
        while len(self.held) - self.at < count:
            piece = next(self.pieces, None)
            if piece is None:
                break
            self.held, self.at = self.held[self.at :] + piece, 0
        return self.held[self.at : self.at + count]

    def take(self, count: int, part: str) -> bytes:
        data = self.peek(count) if count <= self.remaining else b""
        if len(data) != count:
            raise Refused("truncated", part=part)
        self.at += count
        self.remaining -= count
        return data


def stream_of_bytes(data: bytes) -> Stream:
    return Stream(iter([data]), len(data))


def stream_of_file(file: BinaryIO) -> Stream:
    return Stream(iter(lambda: file.read(SEALED_SEGMENT_BYTES), b""), os.fstat(file.fileno()).st_size)


class Body(Stream):
    """§7.2: the container in a body, segment by segment as it is asked for"""

    def __init__(self, file: Stream, envelope: Envelope, body_key: bytes) -> None:
        segments = -(-envelope.body_bytes // SEALED_SEGMENT_BYTES)
        super().__init__(self._segments(file, segments, envelope.seal_id, body_key), envelope.body_bytes - 16 * segments)
        self.hash = hashlib.sha256()

    def _segments(self, file: Stream, segments: int, seal_id: bytes, body_key: bytes) -> Iterator[bytes]:
        for index in range(segments):
            last = index == segments - 1
            sealed = file.take(file.remaining if last else SEALED_SEGMENT_BYTES, "body")
            self.hash.update(sealed)
            nonce = bytes(7) + index.to_bytes(4, "big") + bytes([last])
            segment = gcm_open(body_key, nonce, sealed, label("seal-body") + seal_id)
            if segment is None:
                raise Refused("body_damaged", f"segment {index + 1} of {segments}")
            yield segment


class Container:
    """The container of a file or a body, hashed once as it is taken (§3.4: the container digest)"""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.hash = hashlib.sha256()

    @property
    def remaining(self) -> int:
        return self.stream.remaining

    def take(self, count: int) -> bytes:
        data = self.stream.take(count, "container")
        self.hash.update(data)
        return data


MAGIC_KEY_BLOCK = bytes.fromhex("8948464b0d0a1a0a")
MAGIC_ENVELOPE = bytes.fromhex("894846450d0a1a0a")
MAGIC_CONTAINER = bytes.fromhex("894846430d0a1a0a")


def is_sealed(stream: Stream) -> bool:
    """F-01: whether a file is bare or sealed"""
    start = stream.peek(8)
    sealed, bare = MAGIC_ENVELOPE.startswith(start), MAGIC_KEY_BLOCK.startswith(start)
    if sealed and bare:
        raise Refused("truncated", part="envelope")
    if not sealed and not bare:
        raise Refused("not_ours", part="file")
    return sealed


def check_magic_and_version(stream: Stream, magic: bytes, part: str) -> None:
    """E-01, K-01, H-01. Of a magic number that is cut, the bytes that are there decide."""
    start = stream.peek(10)
    if not start.startswith(magic[: len(start)]):
        raise Refused("not_ours", part=part)
    if len(start) < 10:
        raise Refused("truncated", part=part)
    check_number(u(start[8:]), part)


def check_number(number: int, part: str) -> None:
    """A version or suite of this version of the format"""
    if number != 1:
        raise Refused("newer_version" if number > 1 else "not_ours", part=part)


# ---------------------------------------------------------------------------------------------------------------------
# §3.3 Key block, §3.4 container


@dataclass
class KeyBlock:
    ids: bytes  # §5.2
    mkbk: Tuple[bytes, int]
    akbk: Tuple[bytes, int]
    pbk_id: bytes
    wrapped_keys: bytes


def parse_key_block(block: bytes) -> KeyBlock:
    """The fields behind magic and version: K-03, K-04. The ids are hints; a wrong one gives another PBK (§5.2)."""
    check_number(u(block[10:12]), "key_block")
    if any(block[12:16]):
        raise Refused("key_block_damaged", "its reserved bytes")
    suite, mkbk_id, mkbk_version, akbk_version, akbk_id = block[10:12], block[16:32], block[32:36], block[36:40], block[40:56]
    return KeyBlock(
        ids=suite + mkbk_id + mkbk_version + akbk_id + akbk_version,
        mkbk=(mkbk_id, u(mkbk_version)),
        akbk=(akbk_id, u(akbk_version)),
        pbk_id=block[56:72],
        wrapped_keys=block[72:],
    )


@dataclass
class Header:
    backup_id: str
    cluster_id: str
    lineage_id: str
    hsm_type: str
    mode: str
    manufacturer: str
    region: str
    created_at_ms: int
    chain_number: int
    previous_digest: bytes
    algorithms: List[str]
    chunk_bytes: int
    payload_bytes: int

    @property
    def frames(self) -> int:
        return -(-self.payload_bytes // self.chunk_bytes)

    def payload_of_frame(self, index: int) -> int:
        last = self.payload_bytes - (self.frames - 1) * self.chunk_bytes
        return last if index == self.frames - 1 else self.chunk_bytes

    def bytes_from_frames_on(self) -> int:
        """What is left of the container after the header MAC"""
        return (self.frames - 1) * (self.chunk_bytes + 16) + frame_bytes(self.payload_of_frame(self.frames - 1)) + 32


HEADER_KEYS = list(range(1, 14))
ALGORITHMS = ["AES-256-KWP", "HMAC-SHA-256", "SHA-256"]


def parse_header(data: bytes) -> Union[Header, str]:
    """The header by H-09 to H-13; or what of it is outside the rules, which matters when its MAC has held."""
    try:
        fields = cbor_decode(data)
    except CborFault as fault:
        return str(fault)
    if not isinstance(fields, dict) or list(fields) != HEADER_KEYS:
        return "not a map of its thirteen keys"
    rules: Dict[int, bool] = {key: is_text(fields[key], HEADER_TEXT_BYTES_MAX) for key in range(1, 8)}
    rules[5] = fields[5] in ("FIPS", "NON_FIPS")
    rules[8] = is_integer(fields[8], 0, SAFE_INTEGER_MAX)
    rules[9] = is_integer(fields[9], 1, SAFE_INTEGER_MAX)
    rules[10] = is_bytes(fields[10], 0, 32)
    rules[11] = fields[11] == ALGORITHMS
    rules[12] = is_integer(fields[12], CHUNK_BYTES_MIN, CHUNK_BYTES_MAX) and fields[12] % CHUNK_BYTES_STEP == 0
    rules[13] = is_integer(fields[13], PAYLOAD_BYTES_MIN, PAYLOAD_BYTES_MAX)
    for key, holds in rules.items():
        if not holds:
            return f"its field {key}"
    return Header(*(fields[key] for key in HEADER_KEYS))


# ---------------------------------------------------------------------------------------------------------------------
# §4 Snapshot

TYPE_NAMES = {1: "configuration", 2: "policy", 3: "user", 4: "certificate", 5: "key"}
RecordSink = Callable[[int, int, bytes], None]


class PayloadEnds(Exception):
    pass


class Payload:
    """§6.2: the payload as it is asked for, out of frames that are unwrapped in batches and checked one by one"""

    def __init__(self, container: Container, header: Header, ebk: bytes) -> None:
        self.container, self.header = container, header
        self.unwrapper = KeyUnwrapper(ebk)
        self.stream = Stream(self._frames(), header.payload_bytes)
        self.taken = 0

    def take(self, count: int) -> bytes:
        data = self.stream.peek(count)
        if len(data) < count:
            raise PayloadEnds
        self.taken += count
        return self.stream.take(count, "container")

    def is_at_end(self) -> bool:
        return not self.stream.peek(1)

    def _frames(self) -> Iterator[bytes]:
        full_frames = self.header.frames - 1  # the last one has a length of its own
        index = 0
        while index < full_frames:
            wraps, fault = self._read_frames(min(LANES_MAX, full_frames - index))
            for framed in self.unwrapper.kwp(b"".join(wraps), len(wraps)) if wraps else ():
                yield self._checked(framed, index)
                index += 1
            if fault:
                raise fault
        wrap = self.container.take(frame_bytes(self.header.payload_of_frame(full_frames)))
        yield self._checked(self.unwrapper.kwp(wrap, 1)[0], full_frames)

    def _read_frames(self, count: int) -> Tuple[List[bytes], Optional[Refused]]:
        """Frames, up to the first that cannot be read: a fault of one before that is told first."""
        wraps: List[bytes] = []
        try:
            for _ in range(count):
                wraps.append(self.container.take(frame_bytes(self.header.chunk_bytes)))
        except Refused as fault:
            return wraps, fault
        return wraps, None

    def _checked(self, framed: Optional[bytes], index: int) -> bytes:
        last = index == self.header.frames - 1
        where = f"chunk {index + 1} of {self.header.frames}"
        if framed is None or len(framed) != 8 + self.header.payload_of_frame(index):
            raise Refused("chunk_damaged", where)  # C-02
        if framed[:8] != index.to_bytes(4, "big") + bytes([last, 0, 0, 0]):
            raise Refused("chunk_out_of_order", where)  # C-03
        return framed[8:]


@dataclass
class Snapshot:
    counts: List[int] = field(default_factory=lambda: [0] * 5)
    state_digest: bytes = b""


def split_record(record: bytes) -> Tuple[Dict[int, CborItem], bytes]:
    """§4.1, R-05: one array of two, a deterministic map, one byte string, nothing after it"""
    reader = CborReader(record)
    if reader.head() != (4, 2):
        raise CborFault("not an array of two")
    attributes, secret = reader.item(), reader.item()
    if not isinstance(attributes, dict) or not isinstance(secret, bytes):
        raise CborFault("not an array of a map and a byte string")
    if reader.at != len(record):
        raise CborFault("bytes after its end")
    return attributes, secret


def read_snapshot(payload: Payload, sink: Optional[RecordSink]) -> Snapshot:
    snapshot = Snapshot()
    of_records = hashlib.sha256(label("state-digest"))
    read_records(payload, snapshot.counts, of_records, sink)
    try:
        read_manifest(payload, snapshot, of_records.digest())
    except PayloadEnds:
        raise Refused("manifest_mismatch", "the payload ends early") from None
    return snapshot


def read_records(payload: Payload, counts: List[int], state: Any, sink: Optional[RecordSink]) -> None:
    """§4.2, R-01 to R-06, up to the end mark; `state` is the hash for the state digest"""
    before = (0, 0)
    try:
        while record_bytes := u(payload.take(4)):
            if not RECORD_BYTES_MIN <= record_bytes <= RECORD_BYTES_MAX:
                raise CborFault("its length")
            if sum(counts) == RECORDS_MAX:
                raise CborFault("too many records")
            framed = payload.take(9 + record_bytes)
            record_type, number, record = framed[0], u(framed[1:9]), framed[9:]
            if record_type not in TYPE_NAMES:
                raise CborFault("its type")
            if number > SAFE_INTEGER_MAX:
                raise CborFault("its number")
            if (record_type, number) <= before:
                raise CborFault("its place in the order")
            split_record(record)
            before = (record_type, number)
            state.update(framed[:9] + sha256(record))
            counts[record_type - 1] += 1
            if sink:
                sink(record_type, number, record)
    except CborFault as fault:
        raise Refused("record_invalid", f"record {sum(counts) + 1}: {fault}") from None
    except PayloadEnds:
        raise Refused("record_invalid", "the payload ends without an end mark") from None


def read_manifest(payload: Payload, snapshot: Snapshot, of_records: bytes) -> None:
    """§4.3 to §4.5, M-01 and M-02"""
    offset = payload.taken
    of_manifest = hashlib.sha256(label("state-digest"))
    for _ in range(sum(snapshot.counts)):
        of_manifest.update(payload.take(41))
    footer = payload.take(60)
    snapshot.state_digest = footer[28:]
    if of_manifest.digest() != of_records:
        raise Refused("manifest_mismatch", "an entry of the manifest")
    if snapshot.state_digest != of_records:
        raise Refused("manifest_mismatch", "the state digest")
    if u(footer[20:28]) != offset:
        raise Refused("manifest_mismatch", "the offset of the manifest")
    if [u(footer[at : at + 4]) for at in range(0, 20, 4)] != snapshot.counts:
        raise Refused("manifest_mismatch", "the counts of the footer")
    if not payload.is_at_end():
        raise Refused("manifest_mismatch", "something follows the footer")


# ---------------------------------------------------------------------------------------------------------------------
# §3.5 Reading


@dataclass
class Expectation:
    """What is known of the backup that was asked for. `None` is: nothing."""

    sealed: bool = False
    location: Optional[List[str]] = None
    envelope: Optional[Tuple[int, str]] = None  # number and SHA-256 of the newest envelope
    mode: Optional[str] = None
    backup_id: Optional[str] = None
    cluster_id: Optional[str] = None
    lineage_id: Optional[str] = None
    container_digest: Optional[str] = None

    @staticmethod
    def of(document: Dict[str, Any]) -> Expectation:
        location, envelope = document.get("location"), document.get("envelope")
        names = ("account", "region", "clusterId", "backupId")
        return Expectation(
            sealed=document.get("sealed", False),
            location=[location[name] for name in names if name in location] if location else None,
            envelope=(envelope["number"], envelope["digest"]) if envelope else None,
            mode=document.get("mode"),
            backup_id=document.get("backupId"),
            cluster_id=document.get("clusterId"),
            lineage_id=document.get("lineageId"),
            container_digest=document.get("containerDigest"),
        )


@dataclass
class Opened:
    envelope: Optional[Envelope]  # None: a bare file
    key_block: KeyBlock
    header: Header
    snapshot: Snapshot
    container_digest: bytes
    warnings: List[str]

    def answer(self) -> Dict[str, Any]:
        return {
            "outcome": "opens",
            "stateDigest": self.snapshot.state_digest.hex(),
            "containerDigest": self.container_digest.hex(),
            "records": sum(self.snapshot.counts),
        }


def read_backup(
    file: BinaryIO, kit: Kit, kms: Optional[Kms], expectation: Expectation, sink: Optional[RecordSink] = None
) -> Opened:
    """Reads a whole backup. What goes to `sink` is to be believed only when this function has returned."""
    stream = stream_of_file(file)
    if is_sealed(stream):
        return read_sealed(stream, kit, kms, expectation, sink)
    if expectation.sealed or expectation.location or expectation.envelope:  # F-02
        raise Refused("seal_missing") if len(stream.peek(8)) == 8 else Refused("truncated", part="envelope")
    check_magic_and_version(stream, MAGIC_KEY_BLOCK, "key_block")
    block = parse_key_block(stream.take(176, "key_block"))
    opened = read_container(block, stream, kit, expectation, None, sink)
    check_digest(opened, kit, expectation)
    return opened


def read_sealed(
    stream: Stream, kit: Kit, kms: Optional[Kms], expectation: Expectation, sink: Optional[RecordSink]
) -> Opened:
    """The envelope (E), the seal (S), then what is in the body, and digests last"""
    check_magic_and_version(stream, MAGIC_ENVELOPE, "envelope")
    if len(stream.peek(12)) == 12 and any(stream.peek(12)[10:]):  # E-02
        raise Refused("envelope_damaged", "its reserved bytes")
    prologue = stream.take(16, "envelope")
    clear_bytes = u(prologue[12:])
    if not 1 <= clear_bytes <= CLEAR_BYTES_MAX:  # E-03
        raise Refused("envelope_damaged", "the length of its clear part")
    rest = stream.take(clear_bytes + 12 + 192, "envelope")  # E-04
    clear, nonce, sealed_key_block = rest[:clear_bytes], rest[clear_bytes:-192], rest[-192:]
    envelope = parse_clear_part(clear)
    envelope.digest = sha256(prologue + rest)
    if expectation.location and envelope.location != expectation.location:  # S-01
        raise Refused("location_mismatch", "the copy says: " + shown(" / ".join(envelope.location)))
    if not any(recipient.kind in KNOWN_KINDS for recipient in envelope.recipients):  # S-02
        raise Refused("recipients_unknown")

    data_key = find_data_key(envelope, kit, kms)
    context = envelope.seal_id + envelope.container_digest
    if not hmac.compare_digest(kdf(data_key, "seal-commitment", context, 256), envelope.commitment):  # S-04
        raise Refused("envelope_damaged", "the seal does not commit to this data key")
    envelope_key = kdf(data_key, "seal-envelope", context, 256)
    key_block = gcm_open(envelope_key, nonce, sealed_key_block, prologue + clear)
    if key_block is None:  # S-05
        raise Refused("envelope_damaged", "it is not authentic")
    if expectation.envelope not in (None, (envelope.number, envelope.digest.hex())):  # S-06
        raise Refused("envelope_replaced", f"it is number {envelope.number}")
    compare_lengths(stream.remaining, envelope.body_bytes, "body")  # S-07

    check_magic_and_version(stream_of_bytes(key_block), MAGIC_KEY_BLOCK, "key_block")
    body = Body(stream, envelope, kdf(data_key, "seal-body", context, 256))
    opened = read_container(parse_key_block(key_block), body, kit, expectation, envelope, sink)
    if body.hash.digest() != envelope.body_digest:  # T-02
        raise Refused("body_digest_mismatch")
    if opened.container_digest != envelope.container_digest:  # T-03
        raise Refused("container_digest_mismatch")
    check_digest(opened, kit, expectation)
    if any(recipient.kind not in KNOWN_KINDS for recipient in envelope.recipients):
        opened.warnings.append("It is also sealed for keys of kinds that this reader does not know.")
    return opened


def compare_lengths(there: int, fixed: int, part: str) -> None:
    if there < fixed:
        raise Refused("truncated", f"{fixed - there} bytes are missing", part=part)
    if there > fixed:
        raise Refused("trailing_data", f"{there - fixed} bytes too many", part=part)


def read_container(
    block: KeyBlock,
    stream: Stream,
    kit: Kit,
    expectation: Expectation,
    envelope: Optional[Envelope],
    sink: Optional[RecordSink],
) -> Opened:
    check_magic_and_version(stream, MAGIC_CONTAINER, "container")
    container = Container(stream)
    prologue = container.take(16)
    header_length = u(prologue[12:])
    if any(prologue[10:12]) or not 1 <= header_length <= HEADER_BYTES_MAX:  # H-02
        raise Refused("header_damaged", "the first bytes of the container")
    header_data, header_mac = container.take(header_length), container.take(32)  # H-03
    header = parse_header(header_data)  # a hint before H-09

    pbk = find_pbk(block, kit, header)
    keys = KeyUnwrapper(pbk).kw(block.wrapped_keys)
    if keys is None:  # H-08
        raise Refused("key_block_damaged")
    ebk, mac_key, header_digest = keys[:32], keys[32:64], keys[64:]
    if not hmac.compare_digest(sha256(prologue + header_data), header_digest):
        raise Refused("header_damaged")
    if not hmac.compare_digest(hmac_sha256(mac_key, label("header-mac") + prologue + header_data), header_mac):
        raise Refused("header_damaged", "its MAC")
    check_header(header, kit, expectation)
    assert isinstance(header, Header)

    compare_lengths(container.remaining, header.bytes_from_frames_on(), "container")  # C-01
    snapshot = read_snapshot(Payload(container, header, ebk), sink)

    before_trailer = container.hash.digest()
    if not hmac.compare_digest(hmac_sha256(mac_key, label("trailer-mac") + before_trailer), container.take(32)):
        raise Refused("trailer_damaged")  # T-01
    return Opened(envelope, block, header, snapshot, container.hash.digest(), [])


def find_pbk(block: KeyBlock, kit: Kit, hint: Union[Header, str]) -> bytes:
    """H-04 to H-07"""
    if isinstance(hint, Header) and block.mkbk not in kit.mkbk:
        check_manufacturer(hint, kit)  # whose key it is says more than that it is not here
    found = []
    for which, ring, (key_id, version) in (("mkbk", kit.mkbk, block.mkbk), ("akbk", kit.akbk, block.akbk)):
        key = ring.get((key_id, version))
        if key is None:
            raise Refused("key_mismatch", f"id {key_id.hex()}, version {version}", which=which)
        found.append(key)
    pbk, pbk_id = pbk_of(found[0], found[1], block.ids)
    if pbk_id != block.pbk_id:
        raise Refused("key_mismatch", which="pbk")
    return pbk


def check_header(header: Union[Header, str], kit: Kit, expectation: Expectation) -> None:
    """H-09 to H-14, then X-01 and X-02: from here on the header is believed"""
    if not isinstance(header, Header):
        raise Refused("header_invalid", header)
    check_manufacturer(header, kit)
    for name in ("backup_id", "cluster_id", "lineage_id"):
        if getattr(expectation, name) not in (None, getattr(header, name)):
            raise Refused("wrong_backup", f"its {name.replace('_', ' ')} is {shown(getattr(header, name))}")
    if expectation.mode not in (None, header.mode):
        raise Refused("mode_mismatch", f"its mode is {header.mode}")


def check_manufacturer(header: Header, kit: Kit) -> None:
    if header.manufacturer != kit.manufacturer:
        raise Refused("manufacturer_mismatch", f"{shown(header.manufacturer)}, and not {shown(kit.manufacturer)}")


def check_digest(opened: Opened, kit: Kit, expectation: Expectation) -> None:
    """X-03 and X-04, and the warning of KIT §3"""
    digest, header = opened.container_digest.hex(), opened.header
    if expectation.container_digest not in (None, digest):
        raise Refused("wrong_backup", f"its container digest is {digest}")
    if kit.checkpoints.get((header.cluster_id, header.chain_number), digest) != digest:
        raise Refused("chain_mismatch", f"number {header.chain_number} of {shown(header.cluster_id)}")
    highest = kit.highest_checkpoint(header.cluster_id)
    if highest is not None and header.chain_number < highest:
        opened.warnings.append(f"The kit knows a newer backup of this cluster: number {highest}.")


# ---------------------------------------------------------------------------------------------------------------------
# Files


def load_file(path: Path, what: str, most: int = KIT_BYTES_MAX) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most + 1)  # one more than is allowed: enough to refuse it
    except OSError as error:
        raise Unusable(f"the {what} cannot be read: {path}: {error.strerror}") from None


class Keys:
    """Kits and files of KMS keys, each read once"""

    def __init__(self) -> None:
        self.kits: Dict[Path, Union[Kit, Refused]] = {}
        self.kmses: Dict[Path, Kms] = {}

    def kit(self, path: Path) -> Kit:
        if path not in self.kits:
            try:
                self.kits[path] = read_kit(load_file(path, "recovery kit"))
            except Refused as refusal:
                self.kits[path] = refusal
        kit = self.kits[path]
        if isinstance(kit, Refused):
            raise Refused(kit.code, kit.detail)
        return kit

    def kms(self, path: Optional[Path]) -> Optional[Kms]:
        if path is None:
            return None
        if path not in self.kmses:
            self.kmses[path] = read_kms(load_file(path, "file of KMS keys", 2**24))
        return self.kmses[path]


def open_backup(path: Path) -> BinaryIO:
    try:
        if path.exists() and not path.is_file():
            raise Unusable(f"the backup has to be a file whose length is known: {path}")
        return path.open("rb")
    except OSError as error:
        raise Unusable(f"the backup cannot be read: {path}: {error.strerror}") from None


def answer_for(keys: Keys, file: Path, kit: Path, kms: Optional[Path], expectation: Dict[str, Any]) -> Dict[str, Any]:
    try:
        with open_backup(file) as backup:
            return read_backup(backup, keys.kit(kit), keys.kms(kms), Expectation.of(expectation)).answer()
    except Refused as refusal:
        return refusal.answer()


# ---------------------------------------------------------------------------------------------------------------------
# One backup, for a person


def describe(opened: Opened) -> str:
    header, envelope, counts = opened.header, opened.envelope, opened.snapshot.counts
    try:
        made = (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=header.created_at_ms)).isoformat(" ", "seconds")
    except OverflowError:
        made = f"{header.created_at_ms} ms after 1970"
    rows = [
        ("backup", header.backup_id),
        ("cluster", header.cluster_id),
        ("lineage", header.lineage_id),
        ("HSM", f"{header.hsm_type}, mode {header.mode}, by {header.manufacturer}"),
        ("made", f"{made} UTC in {header.region}, number {header.chain_number} of its chain"),
        ("backup before it", header.previous_digest.hex() or "none"),
        ("key backup keys", f"MKBK {opened.key_block.mkbk[0].hex()} version {opened.key_block.mkbk[1]}"),
        ("", f"AKBK {opened.key_block.akbk[0].hex()} version {opened.key_block.akbk[1]}"),
    ]
    if envelope:
        outside = " (outside any deployment)" if len(envelope.location) == 2 else ""
        rows.append(("held at", " / ".join(envelope.location) + outside))
        rows.append(("seal", f"{envelope.seal_id.hex()}, opened with {envelope.opened_with}"))
        rows.append(("envelope", f"number {envelope.number}, SHA-256 {envelope.digest.hex()}"))
    else:
        rows.append(("held at", "a bare file: it has no seal and says nothing of its place"))
    records = ", ".join(f"{count} {TYPE_NAMES[i + 1]}{'' if count == 1 else 's'}" for i, count in enumerate(counts))
    rows.append(("records", f"{sum(counts)}: " + records.replace("policys", "policies")))
    rows.append(("container digest", opened.container_digest.hex()))
    rows.append(("state digest", opened.snapshot.state_digest.hex()))
    lines = [f"{name:<18}{shown(value)}" for name, value in rows]
    return "\n".join(lines + [f"Warning: {warning}" for warning in opened.warnings])


@contextlib.contextmanager
def directory_for_records(target: Optional[Path]) -> Iterator[Optional[RecordSink]]:
    """§3.5: records go where nobody looks, and to their place when all of the backup holds"""
    if target is None:
        yield None
        return
    if target.exists():
        raise Unusable(f"{target} is there already: name a new directory")
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.absolute().parent))
    except OSError as error:
        raise Unusable(f"no directory can be made beside {target}: {error.strerror}") from None

    def sink(record_type: int, number: int, record: bytes) -> None:
        name = f"{TYPE_NAMES[record_type]}-{number}"
        (staging / f"{name}.cbor").write_bytes(record)
        _, secret = split_record(record)
        if secret:
            (staging / f"{name}.secret").write_bytes(secret)

    try:
        yield sink
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


# docs/HSM.md, the configuration record: what clients of a restored cluster need, and most often lack
CONFIGURATION, TRUST_ANCHOR = 1, 7


def tell_trust_anchor(anchor: Optional[str], target: Optional[Path]) -> None:
    if anchor is None:
        print("It holds no trust anchor (customerCA.crt): the cluster was never initialised.")
    elif target is None:
        print("It holds the cluster's trust anchor: --trust-anchor customerCA.crt saves it.")
    else:
        try:
            with open(target, "x", encoding="utf-8") as file:
                file.write(anchor)
        except OSError as error:
            raise Unusable(f"{target} cannot be written: {error.strerror}") from None
        print(f"The cluster's trust anchor is in {target}.")


def read_for_person(arguments: argparse.Namespace) -> int:
    envelope = arguments.expect_envelope
    expectation = Expectation(
        sealed=arguments.expect_sealed,
        location=arguments.expect_location,
        envelope=envelope and (int(envelope[0]), envelope[1].lower()),
        mode=arguments.expect_mode,
        backup_id=arguments.expect_backup,
        cluster_id=arguments.expect_cluster,
        lineage_id=arguments.expect_lineage,
        container_digest=arguments.expect_digest and arguments.expect_digest.lower(),
    )
    keys = Keys()
    listed: List[str] = []
    anchors: List[str] = []
    try:
        kms = keys.kms(arguments.kms)
        with open_backup(arguments.backup) as backup, directory_for_records(arguments.records) as write:

            def sink(record_type: int, number: int, record: bytes) -> None:
                if arguments.list:  # without digests: a short secret would be found from one
                    listed.append(f"  {TYPE_NAMES[record_type]} {number}, {len(record)} bytes")
                if record_type == CONFIGURATION:
                    anchor = split_record(record)[0].get(TRUST_ANCHOR)
                    anchors.extend([anchor] if isinstance(anchor, str) and anchor else [])
                if write:
                    write(record_type, number, record)

            opened = read_backup(backup, keys.kit(arguments.kit), kms, expectation, sink)
    except Refused as refusal:
        print(f"REFUSED  {refusal.code}" + (f" ({refusal.which or refusal.part})" if refusal.which or refusal.part else ""))
        print(refusal.sentence())
        return 1
    print("OPENS  Every byte was checked.")
    print(describe(opened))
    if listed:
        print("\n".join(listed))
    tell_trust_anchor(anchors[0] if anchors else None, arguments.trust_anchor)
    if arguments.records:
        print(f"The records are in {arguments.records}, with their secrets in clear.")
    return 0


# ---------------------------------------------------------------------------------------------------------------------
# Vectors and batches


def answer_vectors(directory: Path) -> int:
    try:
        index = json.loads(load_file(directory / "index.json", "index of vectors", 2**24))
        vectors, key_sets = index["vectors"], index["keys"]
    except (ValueError, KeyError, TypeError):
        raise Unusable(f"{directory / 'index.json'} is no index of vectors") from None
    keys = Keys()
    passed = failed = 0
    for vector in vectors:
        named = key_sets[vector["keys"]]
        path = directory / vector["file"]
        kms = directory / named["kms"] if named["kms"] else None
        answer = answer_for(keys, path, directory / named["kit"], kms, vector["expectation"])
        answer.pop("part", None)
        expected = {name: value for name, value in vector["expect"].items() if name != "part"}
        disagreements = []
        if answer != expected:
            disagreements.append(f"expected {json.dumps(expected)}, found {json.dumps(answer)}")
        if sha256(path.read_bytes()).hex() != vector["sha256"]:
            disagreements.append("its bytes are not those of the index")
        if disagreements:
            failed += 1
            print(f"{vector['file']} with {vector['keys']}: {'; '.join(disagreements)}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def answer_batch() -> int:
    keys = Keys()
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            request = json.loads(line)
            kms = Path(request["kms"]) if request.get("kms") else None
            answer = answer_for(keys, Path(request["file"]), Path(request["kit"]), kms, request.get("expectation") or {})
        except (Unusable, OSError) as error:
            answer = {"outcome": "unusable", "why": str(error)}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            answer = {"outcome": "unusable", "why": f"the request: {error!r}"}
        print(json.dumps(answer), flush=True)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Reads a Holdfast backup with a recovery kit, and says what is in it or why it is refused.",
        epilog="It ends with 0 if the backup opens, with 1 if it is refused (or a vector disagrees), with 2 if it could not begin.",
    )
    parser.add_argument("backup", nargs="?", type=Path, metavar="BACKUP.hbk", help="the backup, sealed or bare")
    parser.add_argument("--kit", type=Path, metavar="KIT.json", help="the recovery kit")
    parser.add_argument("--kms", type=Path, metavar="KMS.json", help="keys of the local KMS, where there are any")
    parser.add_argument("--list", action="store_true", help="name every record, without what is in it")
    parser.add_argument("--trust-anchor", type=Path, metavar="FILE", help="save the cluster's trust anchor, customerCA.crt, as this new file")
    parser.add_argument(
        "--records", type=Path, metavar="DIR", help="write every record to this new directory, SECRETS IN CLEAR (see docs/RESTORE.md)"
    )
    expect = parser.add_argument_group("what is expected; the backup is refused if it is not so")
    expect.add_argument("--expect-backup", metavar="ID", help="id of the backup")
    expect.add_argument("--expect-cluster", metavar="ID", help="id of the cluster it was made in")
    expect.add_argument("--expect-lineage", metavar="ID", help="id of the first cluster of the lineage")
    expect.add_argument("--expect-mode", choices=("FIPS", "NON_FIPS"))
    expect.add_argument("--expect-digest", metavar="HEX", help="container digest")
    expect.add_argument("--expect-sealed", action="store_true", help="refuse a bare file")
    expect.add_argument(
        "--expect-location", nargs="+", metavar="TEXT", help="where it is held: account, region, cluster and backup; or cluster and backup"
    )
    expect.add_argument(
        "--expect-envelope", nargs=2, metavar=("NUMBER", "HEX"), help="number and SHA-256 of the newest envelope of this copy"
    )
    others = parser.add_argument_group("instead of a backup")
    others.add_argument("--vectors", type=Path, metavar="DIR", help="answer the vectors of this directory (test/vectors) and compare")
    others.add_argument("--batch", action="store_true", help="answer requests {file, kit, kms, expectation}, one JSON text per line")
    arguments = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows fewer letters than the file has
    try:
        if arguments.vectors:
            return answer_vectors(arguments.vectors)
        if arguments.batch:
            return answer_batch()
        if not arguments.backup or not arguments.kit:
            parser.error("give a backup and --kit, or --vectors, or --batch; --help says more")
        if arguments.expect_location and len(arguments.expect_location) not in (2, 4):
            parser.error("--expect-location takes four texts, or two")
        if arguments.expect_envelope and not re.fullmatch("[0-9]{1,16}", arguments.expect_envelope[0], re.ASCII):
            parser.error("--expect-envelope takes a number and a digest")
        return read_for_person(arguments)
    except (Unusable, OSError) as error:
        print(f"read_backup.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("read_backup.py: stopped", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
