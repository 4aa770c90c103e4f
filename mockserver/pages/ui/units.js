// Decimal numbers as text, exactly: no price and no quantity becomes a float.

const PLACES = 18;

export const units = (text) => {
  const [whole, part = ""] = text.trim().split(".");
  if (!/^-?\d+$/.test(whole) || !/^\d*$/.test(part) || part.length > PLACES) throw new Error(`no number: ${text}`);
  const size = BigInt(whole.replace("-", "") + part.padEnd(PLACES, "0"));
  return whole.startsWith("-") ? -size : size;
};

export const text = (size) => {
  const digits = (size < 0n ? -size : size).toString().padStart(PLACES + 1, "0");
  const part = digits.slice(-PLACES).replace(/0+$/, "");
  return `${size < 0n ? "-" : ""}${digits.slice(0, -PLACES)}${part ? `.${part}` : ""}`;
};

// How much "one" and "half" of what is open come to: whole steps, and never more than there is.
export const part = (how, quantity, filled, step, lot) => {
  const open = units(quantity) - units(filled), one = units(step);
  const wanted = how === "one" ? units(lot) : (open / 2n / one) * one;
  const least = wanted < one ? one : wanted;
  return text(least > open ? open : least);
};
