// The QR picture of a page: what a camera reads in it, and a film of it for a camera to see.
import { createRequire } from 'node:module';
import { writeFile } from 'node:fs/promises';

const jsQR = createRequire(import.meta.url)('../../../templates/assets/vendor/jsqr.js');
const SIDE = 400;
const QUIET = 4;
const FILM = { width: 640, height: 480, frames: 2 };

// The picture as the page shows it: SIDE × SIDE grey values.
async function drawn(page) {
  await page.locator('.qr img[src^="data:"]').waitFor();
  const grey = await page.locator('.qr img').evaluate(async (image, side) => {
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = side;
    const picture = canvas.getContext('2d');
    picture.drawImage(image, 0, 0, side, side);
    const { data } = picture.getImageData(0, 0, side, side);
    return Array.from({ length: side * side }, (_, at) => data[at * 4]);
  }, SIDE);
  return Uint8Array.from(grey);
}

// The address in the picture.
export async function addressIn(page) {
  const colours = new Uint8ClampedArray(SIDE * SIDE * 4).fill(255);
  (await drawn(page)).forEach((grey, at) => colours.fill(grey, at * 4, at * 4 + 3));
  return jsQR(colours, SIDE, SIDE)?.data;
}

// A film in which the page's picture is held before the camera.
export async function film(page, file) {
  await develop(await drawn(page), file);
}

// A film of a code that is not ours: of https://example.com/#abc.
export async function filmForeign(file) {
  const side = Math.floor(SIDE / (FOREIGN.length + 2 * QUIET));
  const at = (pixel) => Math.floor(pixel / side) - QUIET;
  const isDark = (_, pixel) => FOREIGN[at(Math.floor(pixel / SIDE))]?.[at(pixel % SIDE)] === '#';
  await develop(Uint8Array.from({ length: SIDE * SIDE }, (...pixel) => (isDark(...pixel) ? 0 : 255)), file);
}

// Raw YUV 4:2:0, without colour.
async function develop(picture, file) {
  const { width, height, frames } = FILM;
  const light = Buffer.alloc(width * height, 200);
  const [left, top] = [(width - SIDE) >> 1, (height - SIDE) >> 1];
  for (let row = 0; row < SIDE; row += 1) {
    light.set(picture.subarray(row * SIDE, (row + 1) * SIDE), (top + row) * width + left);
  }
  const frame = [Buffer.from('FRAME\n'), light, Buffer.alloc((width * height) / 2, 128)];
  const head = Buffer.from(`YUV4MPEG2 W${width} H${height} F20:1 Ip A1:1 C420jpeg\n`);
  await writeFile(file, Buffer.concat([head, ...Array(frames).fill(frame).flat()]));
}

const FOREIGN = [
  '#######..#######..#######',
  '#.....#.#..##.###.#.....#',
  '#.###.#....##..##.#.###.#',
  '#.###.#..#.#..##..#.###.#',
  '#.###.#.##...###..#.###.#',
  '#.....#..#######..#.....#',
  '#######.#.#.#.#.#.#######',
  '..........#..##.#........',
  '#.#.#.#..########...#..#.',
  '...#.#.##.#.#.....#.....#',
  '##.##.##.##.##.....##.###',
  '.#####.......#####.....#.',
  '#..####.###.###.###..#.##',
  '.####..###.###..###..#..#',
  '#.#.#.##...####.#.##..###',
  '.#.#.#.####.#####...#..#.',
  '#.#..##.######.#######...',
  '........#..#.#.##...##.##',
  '#######..##.#.###.#.##.##',
  '#.....#....#.##.#...##.#.',
  '#.###.#.##..##..######...',
  '#.###.#..###.#.#...####..',
  '#.###.#.#.#..##.#...#...#',
  '#.....#..#...#..#.#.##.#.',
  '#######.#.#.##.#####...##',
];
