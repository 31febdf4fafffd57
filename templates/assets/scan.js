// Reads a code with the camera: with the browser's own reader where it has one, else with a built-in one.

const EVERY = 120;
const WIDEST = 800;

// Shows the camera in `video` until `accept` takes what is read. Fails where there is no camera, or none allowed.
export async function scan(video, accept, signal) {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
  });
  const stop = () => stream.getTracks().forEach((track) => track.stop());
  try {
    signal.throwIfAborted();
    video.srcObject = stream;
    await video.play();
    const read = await reader();
    while (!signal.aborted) {
      const text = await read(video);
      if (text && accept(text)) return;
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
  } finally {
    stop();
    video.srcObject = null;
  }
}

async function reader() {
  const known = await globalThis.BarcodeDetector?.getSupportedFormats().catch(() => []);
  if (known?.includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    let broken = false;
    return async (video) => {
      if (!broken) {
        try {
          return (await detector.detect(video))[0]?.rawValue;
        } catch {
          broken = true; // the system's part of it may be missing
        }
      }
      return (await builtIn())(video);
    };
  }
  return builtIn();
}

let ours = null;

function builtIn() {
  ours ??= import("./vendor/jsqr.js").then(() => {
    const canvas = document.createElement("canvas");
    const picture = canvas.getContext("2d", { willReadFrequently: true });
    return (video) => {
      const scale = Math.min(1, WIDEST / video.videoWidth);
      canvas.width = video.videoWidth * scale;
      canvas.height = video.videoHeight * scale;
      picture.drawImage(video, 0, 0, canvas.width, canvas.height);
      const { data, width, height } = picture.getImageData(0, 0, canvas.width, canvas.height);
      return globalThis.jsQR(data, width, height, { inversionAttempts: "dontInvert" })?.data;
    };
  });
  return ours;
}
