// The languages of our pages, and what they say: from the catalogues, so that a new one is looked at without a row here.
import { readdirSync, readFileSync } from 'node:fs';

const LOCALES = new URL('../../../templates/locales/', import.meta.url);

export const LANGUAGES = readdirSync(LOCALES).map((file) => file.replace(/\.ftl$/, '')).sort();

// A sentence of one line, without values.
export function says(language, key) {
  const catalogue = readFileSync(new URL(`${language}.ftl`, LOCALES), 'utf8');
  const [, sentence] = catalogue.match(new RegExp(`^${key} = ([^{]+)$`, 'm'));
  return sentence;
}
