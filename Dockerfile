# syntax=docker/dockerfile:1
# The service as an image: built in one stage, and run in another that holds Node, the built program and what it
# imports, as a user without rights, on a root file system that may be read-only. What it keeps is under /var/lib/conduit.
FROM node:20-bookworm-slim AS build
# For add-ons without a ready-made binary for this platform.
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 make g++ \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.base.json ./
COPY scripts scripts
COPY shared shared
COPY recorder recorder
COPY replay-ui replay-ui
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
# The lock file holds an AWS SDK that runs on this Node; its announcement of later ones is no news for an operator.
ENV NODE_ENV=production \
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true \
    CONDUIT_RECORDER_DATA_DIRECTORY=/var/lib/conduit
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY docker/healthcheck.mjs docker/
RUN ln -s /app/dist/recorder/cli/main.js /usr/local/bin/conduit \
  && install -d -o node -g node -m 0700 /var/lib/conduit
USER node
VOLUME /var/lib/conduit
EXPOSE 2222 5910 8443
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/app/docker/healthcheck.mjs"]
ENTRYPOINT ["conduit"]
CMD ["serve"]
