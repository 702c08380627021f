# The tool as an image: docker build --tag registry.example/tools/tsmanifest:0.1.0 .
FROM node:24-alpine AS package
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build
RUN mkdir /package && npm pack --ignore-scripts --pack-destination /package

FROM node:24-alpine
RUN --mount=type=bind,from=package,source=/package,target=/package \
  npm install --global --omit=dev --ignore-scripts /package/*.tgz \
  && rm -rf /root/.npm
# The user node of the base image, by its number: Kubernetes refuses a name where a pod says runAsNonRoot.
USER 1000
# Its compiled code is kept where this user alone may write, that of the HTTP client, too: a container's first run is not slower.
RUN tsmanifest --version && ! tsmanifest imagetools inspect --retries 0 localhost:1/none
WORKDIR /work
ENTRYPOINT ["tsmanifest"]
