"""Screenshots as small PNG files: of at most 256 colours, which a page without photographs hardly notices."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any, Final

_INDEXED: Final = """
const [source, done] = arguments;
const image = new Image();
image.onload = () => {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  const palette = [], known = new Map(), indexed = new Uint8Array(data.length / 4);
  const nearest = (r, g, b) => palette.reduce((best, [x, y, z], place) => {
    const far = Math.abs(x - r) + Math.abs(y - g) + Math.abs(z - b);
    return far < best[0] ? [far, place] : best;
  }, [9999, 0])[1];
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b] = [data[at], data[at + 1], data[at + 2]];
    const key = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3);
    if (!known.has(key)) known.set(key, palette.length < 256 ? palette.push([r, g, b]) - 1 : nearest(r, g, b));
    indexed[at / 4] = known.get(key);
  }
  let text = "";
  for (let at = 0; at < indexed.length; at += 8192) text += String.fromCharCode(...indexed.subarray(at, at + 8192));
  done([image.width, image.height, palette, btoa(text)]);
};
image.src = `data:image/png;base64,${source}`;
"""


def small(driver: Any, picture: bytes) -> bytes:
    """The same picture as a PNG with a palette; the browser counts the colours, on an empty page."""
    driver.get("about:blank")
    width, height, palette, text = driver.execute_async_script(_INDEXED, base64.b64encode(picture).decode())
    pixels = base64.b64decode(text)
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, width * height, width))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(value for colour in palette for value in colour)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
