"""Numbers in as few bytes as they need: what the blobs of observations and rollups are made of."""

from __future__ import annotations

import struct

_LARGE = 2.0**40
_WHOLE, _THOUSANDTHS, _FLOAT = range(3)


def put(into: bytearray, value: int) -> None:
    """Append a variable-length integer: 7 bits a byte, lowest first.

    Raises:
        ValueError: negative.
    """
    if value < 0:
        raise ValueError(f"{value} cannot be packed: only counts and sizes from 0 up")
    while value > 127:
        into.append(value & 127 | 128)
        value >>= 7
    into.append(value)


def put_signed(into: bytearray, value: int) -> None:
    put(into, value << 1 if value >= 0 else -value << 1 | 1)


def take(data: bytes, at: int) -> tuple[int, int]:
    """-> (value, where the next one starts)."""
    value = data[at]
    if value < 128:
        return value, at + 1
    value &= 127
    shift = 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at + 1
        shift += 7


def take_signed(data: bytes, at: int) -> tuple[int, int]:
    value, at = take(data, at)
    return (-(value >> 1) if value & 1 else value >> 1), at


def put_number(into: bytearray, number: int, value: float) -> None:
    """Append a numbered value, 2 to 5 bytes as a rule: whole, in thousandths, or where it is very large as it is."""
    if abs(value) >= _LARGE:
        put(into, number << 2 | _FLOAT)
        into += struct.pack("<d", value)
    elif value == int(value):
        put(into, number << 2 | _WHOLE)
        put_signed(into, int(value))
    else:
        put(into, number << 2 | _THOUSANDTHS)
        put_signed(into, round(value * 1000))


def take_number(data: bytes, at: int) -> tuple[int, float, int]:
    """-> (number, value, where the next one starts)."""
    head, at = take(data, at)
    if head & 3 == _FLOAT:
        return head >> 2, struct.unpack_from("<d", data, at)[0], at + 8
    value, at = take_signed(data, at)
    return head >> 2, float(value) if head & 3 == _WHOLE else value / 1000, at
