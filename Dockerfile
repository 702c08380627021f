# The tool as an image: docker build --tag registry.example/tools/tsmanifest:0.1.0 .
FROM node:24-alpine AS package
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm pack --ignore-scripts --pack-destination /

FROM node:24-alpine
COPY --from=package /tsmanifest-*.tgz /tmp/
# Run once, it keeps its compiled code, which the user below may not write.
RUN npm install --global --omit=dev /tmp/tsmanifest-*.tgz \
  && tsmanifest --version \
  && rm -rf /tmp/* /root/.npm
USER node
WORKDIR /work
ENTRYPOINT ["tsmanifest"]
