# `mdiff serve` in a container, built from this workspace (apps/generator/README.md).
#   docker build -t mdiff . && docker run --rm -p 127.0.0.1:8080:8080 -e MDIFF_TOKEN=… -v ./outputs/my-book/model:/model:ro mdiff
FROM node:22-bookworm-slim AS build
WORKDIR /mdiff
COPY . .
# The page is built here too: the user of the image may write nothing.
RUN npm run bootstrap \
  && npm run build \
  && node --input-type=module -e "import { pageFolder } from './apps/generator/dist/server/pagefolder.js'; await pageFolder()"

FROM node:22-bookworm-slim
# It starts what was built, not the TypeScript sources beside it.
ENV NODE_ENV=production MDIFF_BUILT=1 ORT_DISABLE_TELEMETRY=1
WORKDIR /mdiff
COPY --from=build /mdiff /mdiff
# The user of the image: it owns no file of it, and the model is mounted read-only.
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Other machines reach a container, so it starts only with MDIFF_TOKEN.
ENTRYPOINT ["node", "apps/mdiff/bin/mdiff.js", "serve"]
CMD ["/model", "--host", "0.0.0.0", "--reload"]
