// The image's health check: asks the service in the same container. Its certificate is for the outside name, and this
// connection does not leave the container, so the certificate is not checked here.
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

const listen = process.env.CONDUIT_HTTP_LISTEN ?? "127.0.0.1:8080";
const port = listen.slice(listen.lastIndexOf(":") + 1);
const { CONDUIT_HTTP_TLS_CERTIFICATE: certificate = "", CONDUIT_HTTP_SELF_SIGNED: selfSigned } = process.env;
const tls = certificate !== "" || selfSigned === "true";
const request = tls ? httpsRequest : httpRequest;

const options = { host: "127.0.0.1", port, path: "/healthz", rejectUnauthorized: false, timeout: 4000 };
request(options, (response) => {
  response.resume();
  // Alive is healthy for a container: while the store is away the recorder goes on into its spool, and a restart would
  // only end the sessions.
  process.exitCode = response.statusCode === 200 ? 0 : 1;
})
  .on("timeout", () => process.exit(1))
  .on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  })
  .end();
