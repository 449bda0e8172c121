// MDN HTTP Observatory's result for a host name, as JSON.
import { scan } from "@mdn/mdn-http-observatory";

console.log(JSON.stringify(await scan(process.argv[2])));
