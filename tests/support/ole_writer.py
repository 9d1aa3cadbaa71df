"""A small writer of OLE files (Microsoft's MS-CFB, version 3), for tests: olefile reads and does not create them."""

from __future__ import annotations

import struct
from pathlib import Path

SECTOR, MINI, CUTOFF = 512, 64, 4096
END, FREE, FAT, NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF


def write(path: Path, streams: dict[str, bytes]) -> Path:
    """A file with these streams; a / in a name stands between a storage and what is in it."""
    entries = _entries(streams)
    mini, mini_fat = b"", []
    big: list[tuple[int, bytes]] = []  # entry, content
    for i, entry in enumerate(entries):
        content = entry["content"]
        if content is None:
            continue
        if len(content) < CUTOFF:
            entry["start"] = len(mini_fat) if content else END
            mini += content.ljust(-(-len(content) // MINI) * MINI, b"\0")
            mini_fat += _chain(len(mini_fat), -(-len(content) // MINI))
        else:
            big.append((i, content))
    entries[0]["content"] = b""
    sectors, fat = b"", []

    def add(content: bytes) -> int:
        nonlocal sectors
        start, count = len(fat), -(-len(content) // SECTOR)
        sectors += content.ljust(count * SECTOR, b"\0")
        fat.extend(_chain(start, count))
        return start if count else END

    for i, content in big:
        entries[i]["start"] = add(content)
    entries[0]["start"], entries[0]["size"] = add(mini), len(mini)
    mini_table = b"".join(struct.pack("<I", n) for n in mini_fat).ljust(-(-len(mini_fat) * 4 // SECTOR) * SECTOR, b"\xff")
    mini_start = add(mini_table)
    directory_start = add(b"".join(_packed(entry) for entry in entries).ljust(-(-len(entries) * 128 // SECTOR) * SECTOR, b"\0"))
    count = 1
    while len(fat) + count > count * SECTOR // 4:
        count += 1
    assert count <= 109
    first = len(fat)
    table = [*fat, *[FAT] * count]
    table += [FREE] * (count * SECTOR // 4 - len(table))
    header = struct.pack("<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, count, directory_start, 0,
                         CUTOFF, mini_start, len(mini_table) // SECTOR, END, 0)  # fmt: skip
    difat = [first + i if i < count else FREE for i in range(109)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + struct.pack("<109I", *difat) + sectors + struct.pack(f"<{len(table)}I", *table))
    return path


def _chain(start: int, count: int) -> list[int]:
    return [start + i + 1 if i + 1 < count else END for i in range(count)]


def _entries(streams: dict[str, bytes]) -> list[dict]:
    """The directory: the root, storages and streams, each storage's content as one list of siblings to the right."""
    entries = [{"name": "Root Entry", "type": 5, "content": None, "start": END, "size": 0, "child": NONE, "right": NONE}]
    at = {"": 0}
    last: dict[int, int] = {}
    for name, content in streams.items():
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            key = "/".join(parts[:depth])
            if key in at:
                continue
            is_stream = depth == len(parts)
            parent, index = at["/".join(parts[: depth - 1])], len(entries)
            entries.append({
                "name": parts[depth - 1], "type": 2 if is_stream else 1, "content": content if is_stream else None,
                "start": 0, "size": len(content) if is_stream else 0, "child": NONE, "right": NONE,
            })  # fmt: skip
            at[key] = index
            if parent in last:
                entries[last[parent]]["right"] = index
            else:
                entries[parent]["child"] = index
            last[parent] = index
    return entries


def _packed(entry: dict) -> bytes:
    name = entry["name"].encode("utf-16-le")
    assert len(name) <= 62
    links = struct.pack("<III", NONE, entry["right"], entry["child"])
    return (
        struct.pack("<64sHBB", name, len(name) + 2, entry["type"], 1)
        + links
        + bytes(36)
        + struct.pack("<IQ", entry["start"], entry["size"])
    )
