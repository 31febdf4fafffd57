// The options of a passkey call as the browser takes them, for browsers that do not read them by themselves.

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));

const named = (credentials) => credentials?.map((one) => ({ ...one, id: bytes(one.id) }));

export function options(json) {
  const read = { ...json, challenge: bytes(json.challenge) };
  if (json.user) read.user = { ...json.user, id: bytes(json.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) if (json[list]) read[list] = named(json[list]);
  return read;
}
