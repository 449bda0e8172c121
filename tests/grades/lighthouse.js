// Lighthouse's result for an address on an emulated phone or a desktop, as JSON:
// `lighthouse.js phone|desktop URL FLAG…`, the flags being Chromium's.
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";

const [device, url, ...chromeFlags] = process.argv.slice(2);
const chrome = await launch({ chromeFlags });
try {
  const config = device === "desktop" ? desktopConfig : undefined;
  const { lhr } = await lighthouse(url, { port: chrome.port, logLevel: "error" }, config);
  console.log(JSON.stringify(lhr));
} finally {
  chrome.kill();
}
